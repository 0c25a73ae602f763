/** localStorage and sessionStorage; where the browser has none or refuses it, a memory that lasts as long as the page. */
export type Box = Pick<Storage, "getItem" | "setItem" | "removeItem">;

function memory(): Box {
  const values = new Map<string, string>();
  return {
    getItem: (key) => values.get(key) ?? null,
    setItem: (key, value) => void values.set(key, value),
    removeItem: (key) => void values.delete(key),
  };
}

function chosen(kind: "localStorage" | "sessionStorage"): Box {
  try {
    const box = globalThis[kind];
    box.setItem("prosa.probe", "1");
    box.removeItem("prosa.probe");
    return box;
  } catch {
    return memory();
  }
}

export const storage: Box = chosen("localStorage");
/** Of this tab alone; it survives a reload. */
export const tabStorage: Box = chosen("sessionStorage");
