// The CDK's own rules for templates take 4 s of each process. `npm run synth` checks by them.
process.env.CDK_VALIDATION = 'false';
