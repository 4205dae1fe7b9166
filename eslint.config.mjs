import tseslint from "typescript-eslint";

/** Who may import whom, by folder. `boards/board` is the interface; `boards/*` without it are bindings and profiles. */
const ALLOWED = {
  "src/core": [],
  "src/card": ["core", "boards/board"],
  "src/cartridge": ["core", "boards/board"],
  "src/reader": ["core", "boards/board"],
  "src/client": ["core", "boards/board", "reader"],
  boards: ["core", "boards", "card", "cartridge", "reader", "client"],
  "src/host": ["core"],
  "src/center": ["core", "host"],
  "src/store": ["core", "host", "center/api", "center/catalog/sealing"],
  "src/terminal": ["core", "host", "center/client", "center/api"],
  "src/adverts": ["core"],
  "src/kiosk": ["core", "host", "center/client", "center/api"],
};
const PARTS = [
  "core",
  "card",
  "cartridge",
  "reader",
  "client",
  "host",
  "center",
  "store",
  "terminal",
  "adverts",
  "kiosk",
  "cli",
  "sim",
  "test",
  "bench",
  "boards",
];

/** Imports that leave a folder for a part which it may not use. */
function forbid(folder, allowed) {
  const own = folder.replace("src/", "");
  const whole = allowed.filter((name) => !name.includes("/"));
  const forbidden = PARTS.filter((name) => name !== own && !whole.includes(name));
  const exceptions = allowed.filter((name) => name.includes("/")).map((name) => `${name}(/|\\.js$)`);
  const except = exceptions.length > 0 ? `(?!${exceptions.join("|")})` : "";
  const node = ["src/core", "src/card", "src/cartridge", "src/reader", "src/client"].includes(folder) ? "|^node:" : "";
  return {
    files: [`${folder}/**/*.ts`],
    rules: {
      "no-restricted-imports": [
        "error",
        {
          patterns: [
            {
              regex: `^(\\.\\./)+(src/)?${except}(${forbidden.join("|")})(/|$)${node}`,
              message: `${folder} may import ${["itself", ...allowed].join(", ")} only.`,
            },
          ],
        },
      ],
    },
  };
}

export default tseslint.config(
  { ignores: ["dist/", "build/", "lib/", "out/", "node_modules/", "**/*.mjs", "**/*.cjs"] },
  ...tseslint.configs.strict,
  {
    languageOptions: { parserOptions: { projectService: true } },
    rules: { "@typescript-eslint/no-unused-vars": ["error", { argsIgnorePattern: "^_", varsIgnorePattern: "^_", caughtErrors: "none" }] },
  },
  ...Object.entries(ALLOWED).map(([folder, allowed]) => forbid(folder, allowed)),
  {
    // Firmware is ES5: what ES2015 offers beyond syntax is absent, and some of its syntax compiles to what interpreters get wrong.
    files: ["src/{core,card,cartridge,reader,client}/**/*.ts", "boards/{espruino,jerryscript}/**/*.ts"],
    rules: {
      "no-restricted-syntax": [
        "error",
        { selector: "ClassDeclaration", message: "Firmware has no classes: interpreters load them slowly or wrongly." },
        { selector: "SpreadElement", message: "Firmware has no spread: Espruino computes it wrongly." },
        { selector: "ForOfStatement", message: "Firmware has no for-of: it needs iterators." },
        { selector: "AwaitExpression", message: "Firmware has no await." },
      ],
    },
  },
);
