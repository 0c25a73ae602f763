import { readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";
import react from "@vitejs/plugin-react";
import { defineConfig, type Plugin } from "vite";

const LANGUAGES = ["en-US", "pt-BR"];
const DIST = join(import.meta.dirname, "..", "src", "prosa", "console", "_dist");
const COMPRESSIBLE = /\.(js|css|html|svg|json|webmanifest)$/;
const SMALLEST = 1024;

/** What every page runs on. */
const BASE =
  /node_modules.(react|react-dom|scheduler|openapi-fetch|@tanstack.(?!react-virtual|virtual)[^/\\]*)[/\\]/;
/**
 * Parts of the sign-in page and the inbox; rare ones come with the views that have them. No styles: the file that says
 * the order of the layers must come first.
 */
const FIRST_PARTS =
  /^(?!.*(\.css|toast|tabs|switch|checkbox|radio|disclosure|slider|choice|confirm|Toast|Tabs|Switch|Checkbox|Radio)).*(node_modules.(@?react-aria|@?react-stately|@internationalized)|[/\\]src[/\\](ui|i18n|data|api|auth|live)[/\\])/;

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
    rolldownOptions: {
      output: {
        // Left alone, the first view is some forty files, and each has its headers and its turn. Views stay apart.
        codeSplitting: {
          groups: [
            {
              name: "base",
              test: BASE,
              priority: 3,
            },
            { name: "ui", test: FIRST_PARTS, priority: 2 },
          ],
        },
      },
    },
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
