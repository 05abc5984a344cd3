// Loaded before `npm start`, Jest and the CDK app, and run by whatever Node.js there is: an older one does not load
// TypeScript, and would only say ERR_UNKNOWN_FILE_EXTENSION.
const LEAST = 24;

const { node } = process.versions;
if (Number.parseInt(node, 10) < LEAST) {
  console.error(
    `This is Node.js ${node}; version ${LEAST} or later is needed. npm ci installs it beside the other packages, by an install script. Run "npm ci" without --ignore-scripts (or "npm rebuild node"), or use a Node.js ${LEAST} of your own.`,
  );
  process.exit(1);
}
