/** The one query client and the one WebSocket of this page. */
import { createQueryClient } from "~/data/client";
import { createLive } from "~/live/live";
import type { LiveSocket } from "~/live/socket";

export const queryClient = createQueryClient();

let made: LiveSocket | null = null;

export function live(): LiveSocket {
  made ??= createLive(queryClient);
  return made;
}
