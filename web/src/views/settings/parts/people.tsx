import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import type { User } from "~/api/types";
import { useMe } from "~/auth/me";
import { dropUser, userCalls, usersQuery } from "~/data/users";
import { useStrings } from "~/i18n/strings";
import { Button } from "~/ui/button";
import { confirmed } from "~/ui/confirmed";
import { IconButton } from "~/ui/icon-button";
import { Menu } from "~/ui/menu";
import { Avatar, Badge, Section } from "~/ui/parts";
import { Loaded } from "~/ui/states";
import { words } from "../strings";
import { PersonDialog } from "./person";

export function People() {
  const t = useStrings(words);
  const users = useQuery(usersQuery);
  const [edited, setEdited] = useState<User | "new" | null>(null);
  return (
    <Section
      title={t.people}
      lead={t.peopleLead}
      actions={
        <Button kind="primary" icon="plus" onPress={() => setEdited("new")}>
          {t.addPerson}
        </Button>
      }
    >
      <Loaded query={users}>
        {(all) => (
          <ul className="card settings-people">
            {all.map((user) => (
              <Person key={user.id} user={user} onEdit={() => setEdited(user)} />
            ))}
          </ul>
        )}
      </Loaded>
      {edited && <PersonDialog user={edited === "new" ? null : edited} onClose={() => setEdited(null)} />}
    </Section>
  );
}

function Person({ user, onEdit }: { user: User; onEdit: () => void }) {
  const t = useStrings(words);
  const me = useMe();
  const client = useQueryClient();
  const name = user.name ?? user.email;
  const mayManage = me.role === "owner" || user.role === "agent";

  const remove = () =>
    confirmed(
      { title: t.removeTitle(name), body: <p>{t.removeText}</p>, confirm: t.removeConfirm, danger: true },
      async () => {
        await userCalls.remove(user.id);
        dropUser(client, user.id);
      },
      t.removed(name),
    );

  return (
    <li className="settings-person settings-user" aria-label={name}>
      <Avatar name={name} seed={user.id} size={40} />
      <div className="settings-person-who">
        <strong>{name}</strong>
        {user.name && <span className="field-hint">{user.email}</span>}
      </div>
      <div className="settings-person-badges">
        {user.id === me.id && <Badge>{t.itIsYou}</Badge>}
        <Badge tone={user.role === "agent" ? "plain" : "good"}>{t.roles[user.role]}</Badge>
      </div>
      {mayManage ? (
        <Menu
          label={t.more(name)}
          actions={[
            { id: "edit", label: t.editPerson, icon: "edit", onAction: onEdit },
            {
              id: "remove",
              label: t.removePerson,
              icon: "trash",
              danger: true,
              isDisabled: user.id === me.id,
              onAction: () => void remove(),
            },
          ]}
        >
          <IconButton icon="dots" label={t.more(name)} />
        </Menu>
      ) : (
        <span className="settings-person-gap" />
      )}
    </li>
  );
}
