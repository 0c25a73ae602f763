/** Phone numbers as people read them. Prosa checks them; this only draws them. */

/** Calling codes of one and of two digits (ITU-T E.164); all others have three. */
const SHORT = new Set(
  "1 7 20 27 30 31 32 33 34 36 39 40 41 43 44 45 46 47 48 49 51 52 53 54 55 56 57 58 60 61 62 63 64 65 66 81 82 84 86 90 91 92 93 94 95 98".split(
    " ",
  ),
);

/** Split digits into calling code and national number. */
export function splitPhone(digits: string): [code: string, national: string] {
  const length = SHORT.has(digits.slice(0, 1)) ? 1 : SHORT.has(digits.slice(0, 2)) ? 2 : 3;
  return [digits.slice(0, length), digits.slice(length)];
}

/** `5511988887777` is +55 11 98888-7777. Countries that are not known are grouped by threes. */
export function formatPhone(phone: string): string {
  const digits = phone.replace(/\D/g, "");
  if (digits.length < 7) return phone;
  const [code, national] = splitPhone(digits);
  return `+${code} ${group(code, national)}`;
}

function group(code: string, national: string): string {
  if (code === "55" && (national.length === 10 || national.length === 11)) {
    return `${national.slice(0, 2)} ${national.slice(2, -4)}-${national.slice(-4)}`;
  }
  if (code === "1" && national.length === 10) {
    return `${national.slice(0, 3)} ${national.slice(3, 6)}-${national.slice(6)}`;
  }
  const groups: string[] = [];
  for (let place = 0; place < national.length; place += 3) groups.push(national.slice(place, place + 3));
  const last = groups.at(-1);
  if (groups.length > 1 && last !== undefined && last.length < 2) {
    groups.pop();
    groups[groups.length - 1] += last;
  }
  return groups.join(" ");
}
