import hooks from "eslint-plugin-react-hooks";
import tseslint from "typescript-eslint";

// Imports point down: pages use features, features use components and lib, and lib uses nobody.
const below = (message, ...patterns) => ({
  "no-restricted-imports": ["error", { patterns: patterns.map((group) => ({ group: [group], message })) }],
});

export default tseslint.config(
  { ignores: ["src/lib/api/schema.d.ts", "node_modules"] },
  ...tseslint.configs.recommended,
  hooks.configs.flat["recommended-latest"],
  { rules: { "react-hooks/incompatible-library": "off" } },
  { files: ["src/lib/**", "src/config/**"], rules: below("lib stands on nothing of ours", "@/features/*", "@/components/*", "@/pages/*") },
  { files: ["src/components/**"], rules: below("components know no feature", "@/features/*", "@/pages/*") },
  { files: ["src/features/**"], rules: below("features know no page", "@/pages/*") },
);
