/** Short names for the types that the API's own documents give. */
import type { components as Events } from "./events";
import type { components } from "./schema";

export type Schemas = components["schemas"];
export type Session = Schemas["SessionView"];
export type SessionStatus = Schemas["SessionStatus"];
export type SessionSettings = Schemas["SessionSettings"];
export type Passkey = Schemas["PasskeyView"];
export type Conversation = Schemas["ConversationView"];
export type Message = Schemas["MessageView"];
export type User = Schemas["UserOut"];
export type Role = Schemas["Role"];
export type Problem = Schemas["Problem"];

/** Anything that comes over the WebSocket. */
export type ServerFrame = Events["schemas"]["ServerFrame"];
export type ClientFrame = Events["schemas"]["ClientFrame"];
/** What happened: every event there is, told apart by `event`. */
export type ProsaEvent = Events["schemas"]["ProsaEvent"];
export type EventName = ProsaEvent["event"];
export type EventOf<N extends EventName> = Extract<ProsaEvent, { event: N }>;
