/** The secret that signs a webhook's deliveries: to copy, and to make anew. */
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useFormat } from "~/i18n/format";
import { useStrings } from "~/i18n/strings";
import { Button } from "~/ui/button";
import { confirmed } from "~/ui/confirmed";
import { Dialog } from "~/ui/dialog";
import { TextField } from "~/ui/field";
import { CopyButton } from "~/ui/parts";
import { Loaded } from "~/ui/states";
import { secretQuery, type Webhook, webhookCalls } from "../webhook-queries";
import { words } from "../webhook-strings";

export default function WebhookSecret({
  of,
  name,
  onClose,
}: {
  of: Webhook;
  name: string;
  onClose: () => void;
}) {
  const t = useStrings(words);
  const format = useFormat();
  const client = useQueryClient();
  const secret = useQuery(secretQuery(of.id));
  const rotate = () =>
    confirmed(
      { title: t.rotateTitle, body: <p>{t.rotateText}</p>, confirm: t.rotate },
      async () => {
        client.setQueryData(secretQuery(of.id).queryKey, await webhookCalls.rotate(of.id));
      },
      t.rotated,
    );
  return (
    <Dialog
      title={t.secretTitle(name)}
      isOpen
      onClose={onClose}
      footer={
        <>
          <Button icon="refresh" onPress={() => void rotate()}>
            {t.rotate}
          </Button>
          <Button kind="primary" onPress={onClose}>
            {t.close}
          </Button>
        </>
      }
    >
      <div className="stack">
        <p>{t.secretText}</p>
        <Loaded query={secret}>
          {(shown) => (
            <>
              <div className="settings-webhook-secret">
                <TextField label={t.secretLabel} value={shown.secret} isReadOnly />
                <CopyButton text={shown.secret}>{t.copy}</CopyButton>
              </div>
              {shown.old_secret_until && (
                <p className="field-hint">{t.oldUntil(format.dateTime(shown.old_secret_until))}</p>
              )}
            </>
          )}
        </Loaded>
      </div>
    </Dialog>
  );
}
