import { treeCommand } from "../../src/cli/tree.js";

await treeCommand().parseAsync(process.argv);
