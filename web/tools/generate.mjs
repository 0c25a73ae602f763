// Writes the types of the API (from docs/openapi.json) and of its events (from docs/asyncapi.json) into src/api/.
// Both documents are made from the server's code and compared with it by `make check`, so these types cannot be stale:
// they are made again before each type check, and are not committed.
import { createHash } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";

const docs = new URL("../../docs/", import.meta.url);
const out = new URL("../src/api/", import.meta.url);
const read = (name) => readFileSync(new URL(name, docs), "utf8");

/** AsyncAPI messages as the schemas of an OpenAPI document, so that one generator serves both. */
function eventsAsOpenApi(asyncapi) {
  const schemas = { ...asyncapi.components.schemas };
  const of = (operation) =>
    asyncapi.operations[operation].messages.map((message) =>
      message.$ref.split("/").pop().replaceAll("~1", "/"),
    );
  const add = (union, names) => {
    for (const name of names) schemas[name] = asyncapi.components.messages[name].payload;
    schemas[union] = { oneOf: names.map((name) => ({ $ref: `#/components/schemas/${name}` })) };
  };
  const received = of("receiveEvents");
  add("ServerFrame", received);
  add("ClientFrame", of("sendFrames"));
  const control = ["ready", "pong"];
  const events = received.filter((name) => !control.includes(name));
  schemas.ProsaEvent = { oneOf: events.map((name) => ({ $ref: `#/components/schemas/${name}` })) };
  return { openapi: "3.1.0", info: asyncapi.info, paths: {}, components: { schemas } };
}

async function write(name, source, document) {
  const stamp = `// ${createHash("sha256")
    .update(source)
    .update(readFileSync(import.meta.filename))
    .digest("hex")
    .slice(0, 24)}\n`;
  const target = new URL(name, out);
  if (existsSync(target) && readFileSync(target, "utf8").startsWith(stamp)) return;
  const { default: openapiTS, astToString } = await import("openapi-typescript");
  const types = astToString(await openapiTS(document(JSON.parse(source)), { defaultNonNullable: false }));
  writeFileSync(target, `${stamp}// Made by tools/generate.mjs.\n\n${types}`);
}

await write("schema.d.ts", read("openapi.json"), (document) => document);
await write("events.d.ts", read("asyncapi.json"), eventsAsOpenApi);
