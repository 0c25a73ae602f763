/** Everything that a request can fail with, as one class; `i18n/problems.ts` has the words for it. */
import { fieldText } from "~/i18n/fields";
import type { Problem } from "./types";

export class ApiProblem extends Error {
  override readonly name = "ApiProblem";
  /** Stable name: the API's `code`, or `offline` where no answer came. */
  readonly code: string;
  readonly status: number;
  readonly problem: Problem | null;
  /** Seconds to wait before another try, where the server said so. */
  readonly retryAfter: number | null;

  constructor(
    status: number,
    code: string,
    problem: Problem | null = null,
    retryAfter: number | null = null,
  ) {
    super(problem?.detail ?? code);
    this.code = code;
    this.status = status;
    this.problem = problem;
    this.retryAfter = retryAfter;
  }

  /** Whether the same request may succeed when it is sent again. */
  get passing(): boolean {
    return (
      this.code === "offline" ||
      this.status === 429 ||
      this.status === 502 ||
      this.status === 503 ||
      this.status === 504
    );
  }

  /** What is wrong with one field of the body, by its last name, in the person's language. */
  field(name: string): string | undefined {
    const found = this.problem?.errors?.find(
      (error) => error.field === name || error.field.endsWith(`.${name}`),
    );
    return found && fieldText(found);
  }

  /** The same of a field by its whole path, or of what is inside it. */
  within(path: string): string | undefined {
    const found = this.problem?.errors?.find(({ field }) => field === path || field.startsWith(`${path}.`));
    return found && fieldText(found);
  }

  /** What is wrong with the first field at fault, whichever it is. */
  get firstField(): string | undefined {
    const first = this.problem?.errors?.[0];
    return first && fieldText(first);
  }

  static offline(): ApiProblem {
    return new ApiProblem(0, "offline");
  }

  static of(response: Response, body: unknown): ApiProblem {
    const wait = Number(response.headers.get("Retry-After"));
    const retryAfter = Number.isFinite(wait) && wait > 0 ? wait : null;
    if (body && typeof body === "object" && "code" in body && "detail" in body) {
      const problem = body as Problem;
      return new ApiProblem(response.status, problem.code, problem, retryAfter);
    }
    // a proxy in front of Prosa answered in its own way
    return new ApiProblem(
      response.status,
      response.status >= 502 ? "offline" : "internal_error",
      null,
      retryAfter,
    );
  }
}

export function asProblem(error: unknown): ApiProblem {
  return error instanceof ApiProblem ? error : new ApiProblem(0, "console_error");
}
