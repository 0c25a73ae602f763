import { readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";
import react from "@vitejs/plugin-react";
import { defineConfig, type Plugin } from "vite";

const LANGUAGES = ["en-US", "pt-BR"];
const DIST = join(import.meta.dirname, "..", "src", "prosa", "console", "_dist");
const COMPRESSIBLE = /\.(js|css|html|svg|json|webmanifest)$/;
const SMALLEST = 1024;

/** React Aria brings its words in 34 languages; keeps ours. */
function ourLanguages(): Plugin {
  return {
    name: "our-languages",
    enforce: "pre",
    load(id) {
      const found = /\/react-aria(?:-components)?\/.*\/([a-z]{2}-[A-Z]{2})\.m?js$/.exec(id);
      return found?.[1] && !LANGUAGES.includes(found[1]) ? "export default {}" : null;
    },
  };
}

/** Writes .br and .gz beside what compresses, so that the server never has to. */
function precompress(): Plugin {
  return {
    name: "precompress",
    apply: "build",
    enforce: "post",
    writeBundle({ dir }) {
      if (!dir) return;
      for (const name of readdirSync(dir, { recursive: true, encoding: "utf8" })) {
        const path = join(dir, name);
        if (!COMPRESSIBLE.test(name) || statSync(path).size < SMALLEST) continue;
        const content = readFileSync(path);
        writeFileSync(
          `${path}.br`,
          brotliCompressSync(content, {
            params: {
              [constants.BROTLI_PARAM_QUALITY]: 11,
              [constants.BROTLI_PARAM_SIZE_HINT]: content.length,
            },
          }),
        );
        writeFileSync(`${path}.gz`, gzipSync(content, { level: 9 }));
      }
    },
  };
}

export default defineConfig({
  base: "/app/",
  plugins: [ourLanguages(), react(), precompress()],
  resolve: { alias: { "~": join(import.meta.dirname, "src") } },
  build: {
    outDir: process.env.CONSOLE_OUT ?? DIST,
    emptyOutDir: true,
    target: ["chrome123", "edge123", "firefox121", "safari17.5"], // light-dark() of CSS
    modulePreload: { polyfill: false },
    assetsInlineLimit: 0, // the content security policy lets no data: script or style in
    reportCompressedSize: false,
  },
  server: {
    // `npm run dev` beside a `prosa serve`
    proxy: Object.fromEntries(
      [
        "/auth",
        "/users",
        "/sessions",
        "/conversations",
        "/messages",
        "/frequent-answers",
        "/usage",
        "/system",
        "/health",
        "/console",
        "/ws",
      ].map((path) => [
        path,
        { target: process.env.PROSA_URL ?? "http://127.0.0.1:8000", ws: path === "/ws" },
      ]),
    ),
  },
});
