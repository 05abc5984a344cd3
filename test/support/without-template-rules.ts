// The CDK's own rules for templates take 4 s of each process. `token-refresher-stack.test.ts` switches them on again.
process.env.CDK_VALIDATION = 'false';
