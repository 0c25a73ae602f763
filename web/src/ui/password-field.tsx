import { useState } from "react";
import { useStrings } from "~/i18n/strings";
import { TextField, type TextFieldProps } from "./field";
import { IconButton } from "./icon-button";
import { words } from "./strings";

export function PasswordField(props: Omit<TextFieldProps, "type" | "suffix">) {
  const t = useStrings(words);
  const [shown, setShown] = useState(false);
  return (
    <TextField
      {...props}
      type={shown ? "text" : "password"}
      suffix={
        <IconButton
          slot={null}
          size="s"
          icon={shown ? "eyeOff" : "eye"}
          label={shown ? t.hidePassword : t.showPassword}
          onPress={() => setShown(!shown)}
        />
      }
    />
  );
}
