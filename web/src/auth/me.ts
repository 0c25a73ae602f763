import type { User } from "~/api/types";
import { useStore } from "~/app/store";
import { signIn } from "./sign-in";

/** Who is signed in. Only inside the shell, where somebody is. */
export function useMe(): User {
  const state = useStore(signIn.state);
  if (state.kind !== "signed-in" && state.kind !== "expired") throw new Error("nobody is signed in");
  return state.user;
}

/** Whether a person may manage others, and see what the installation runs on. */
export function isManager(user: User): boolean {
  return user.role === "owner" || user.role === "admin";
}
