/** Ask, do it, say so: one way for everything that is done once it was asked about. */
import { confirm, type Question } from "./confirm";
import { toast } from "./toast";

/**
 * Do something if the person says so, and tell them: that it is done (`said`), or what it failed with. Returns whether
 * it was done.
 */
export async function confirmed(
  question: Question,
  work: () => Promise<unknown>,
  said?: string,
): Promise<boolean> {
  if (!(await confirm(question))) return false;
  try {
    await work();
  } catch (error) {
    toast.problem(error);
    return false;
  }
  if (said) toast.good(said);
  return true;
}
