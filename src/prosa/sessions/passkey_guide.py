"""What a person does when WhatsApp asks for the account's passkey, and the script that helps.

A passkey answers only on the web origin it was made for (WebAuthn level 2, §13.4.9), so the browser must do it on
WhatsApp's own page; Prosa hands the request over and takes the answer back.
"""

import json
from typing import Any

PAGE = "https://web.whatsapp.com"

# Only what every browser with passkeys knows: parseRequestOptionsFromJSON and toJSON of WebAuthn level 3 are too new.
_SNIPPET = """\
(async () => {
  const options = %s;
  const bytes = (text) => Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (c) => c.charCodeAt(0));
  const text = (buffer) => btoa(String.fromCharCode(...new Uint8Array(buffer)))
    .replace(/\\+/g, "-").replace(/\\//g, "_").replace(/=+$/, "");
  options.challenge = bytes(options.challenge);
  for (const allowed of options.allowCredentials || []) allowed.id = bytes(allowed.id);
  const credential = await navigator.credentials.get({ publicKey: options });
  const { clientDataJSON, authenticatorData, signature, userHandle } = credential.response;
  const answer = JSON.stringify({
    id: credential.id, rawId: text(credential.rawId), type: credential.type,
    response: {
      clientDataJSON: text(clientDataJSON), authenticatorData: text(authenticatorData), signature: text(signature),
      ...(userHandle && userHandle.byteLength ? { userHandle: text(userHandle) } : {}),
    },
  });
  try { await navigator.clipboard.writeText(answer); console.log("Copied. Paste it into Prosa."); }
  catch { prompt("Copy this and paste it into Prosa:", answer); }
})();"""


def snippet(options: dict[str, Any]) -> str:
    """Return JavaScript that asks the browser for the passkey and copies the answer.

    Args:
        options: PublicKeyCredentialRequestOptions in JSON form, as WhatsApp sent them.
    """
    wanted = {name: value for name, value in options.items() if value not in (None, [], {}, "")}
    return _SNIPPET.replace("%s", json.dumps(wanted, ensure_ascii=True), 1)


def assertion_steps(session_id: str) -> list[str]:
    """Return what to do while WhatsApp waits for the passkey."""
    return [
        f"Open {PAGE} in a browser on a computer or phone where the account's passkey can be used.",
        "Do not log in there. Open the browser's developer tools (F12) and their console.",
        "Paste the snippet and press Enter. If the browser asks, type “allow pasting” first.",
        "Confirm with fingerprint, face or screen lock, as the browser asks.",
        f"The answer is now on the clipboard: paste it into Prosa, or send it to POST /sessions/{session_id}/passkey.",
    ]


def confirmation_steps(session_id: str, code: str) -> list[str]:
    """Return what to do while WhatsApp waits for the code to be compared."""
    return [
        f"Look at the phone: it must show the code {code}.",
        f"If it does, confirm here (or send POST /sessions/{session_id}/passkey/confirm) and on the phone.",
        "If it does not, somebody else may be linking: stop here, and refuse on the phone.",
    ]
