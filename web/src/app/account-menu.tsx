import { type ReactNode, useState } from "react";
import { Button as AriaButton } from "react-aria-components/Button";
import { signIn } from "~/auth/sign-in";
import { useStrings } from "~/i18n/strings";
import { Menu } from "~/ui/menu";
import { words } from "./strings";

/** Opens at once: it is made because somebody pressed the button that it takes the place of. */
export default function AccountMenu({ label, children }: { label: string; children: ReactNode }) {
  const t = useStrings(words);
  const [isOpen, setOpen] = useState(true);
  return (
    <Menu
      label={t.account}
      isOpen={isOpen}
      onOpenChange={setOpen}
      actions={[
        {
          id: "out",
          label: t.signOut,
          icon: "logout",
          onAction: () => void signIn.logout().catch(() => {}),
        },
      ]}
    >
      <AriaButton className="nav-avatar" aria-label={label}>
        {children}
      </AriaButton>
    </Menu>
  );
}
