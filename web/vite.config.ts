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
/** What views share. No styles: the file that says the order of the layers must come first. */
const SHARED =
  /^(?!.*\.css).*(node_modules.(@?react-aria|@?react-stately|@internationalized)|[/\\]src[/\\](ui|i18n|data|api|auth|live)[/\\])/;
/** What only a few views need: it comes with them. */
const RARE =
  /toast|tabs|switch|checkbox|radio|disclosure|slider|choice|confirm|landmark|Toast|Tabs|Switch|Checkbox|Radio/;
/** Where pages begin, in the order in which people get there; what each needs of what is shared is a file. */
const BEGINNINGS = {
  ui: ["main.tsx", "app/shell.tsx", "views/inbox/view.tsx", "views/inbox/parts/nothing.tsx"],
  forms: ["views/welcome/view.tsx"],
};

interface Modules {
  getModuleInfo(id: string): { importedIds: readonly string[] } | null;
}

/** Tell whether a shared module belongs into a file: that of the first beginning that needs it, else one for all views. */
function sharedIn(file: keyof typeof BEGINNINGS | "parts"): (id: string, modules: Modules) => string | null {
  return (id, modules) => {
    const taken = SHARED.test(id) && fileOf(id, modules) === file && !(file === "parts" && RARE.test(id));
    return taken ? file : null;
  };
}

let files: Map<string, string> | null = null;

function fileOf(id: string, modules: Modules): string {
  if (!files) {
    files = new Map();
    for (const [file, names] of Object.entries(BEGINNINGS)) {
      const open = names.map((name) => join(import.meta.dirname, "src", name));
      for (let next = open.pop(); next !== undefined; next = open.pop()) {
        if (files.has(next)) continue;
        files.set(next, file);
        open.push(...(modules.getModuleInfo(next)?.importedIds ?? []));
      }
    }
  }
  return files.get(id) ?? "parts";
}

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
            { name: "base", test: BASE, priority: 4 },
            { name: sharedIn("ui"), priority: 3 },
            { name: sharedIn("forms"), priority: 2 },
            { name: sharedIn("parts"), priority: 1 },
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
