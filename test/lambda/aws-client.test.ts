import { faultOfAwsCall } from '../../lambda/aws-client.ts';

const MISSING_KEY = 'The ciphertext refers to a customer master key that does not exist';

test.each([
  ['AccessDeniedException', 'not authorized to perform: ssm:PutParameter', 400, 'IAM'],
  ['AccessDeniedException', '…/my-kms-role/… is not authorized to perform: ssm:GetParameters', 400, 'IAM'],
  ['AccessDeniedException', 'not authorized to perform: kms:Decrypt on resource', 400, 'KMS'],
  ['AccessDeniedException', 'Access to KMS is not allowed', 400, 'KMS'],
  ['AccessDeniedException', MISSING_KEY, 400, 'KMS'],
  ['DecryptionFailure', '', 400, 'KMS'],
  ['InvalidKeyId', '', 400, 'KMS'],
  ['CredentialsProviderError', '', undefined, 'IAM'],
  ['UnrecognizedClientException', '', 400, 'IAM'],
  ['TimeoutError', '', undefined, 'network'],
  ['CERT_HAS_EXPIRED', '', undefined, 'network'],
  ['ThrottlingException', '', 400, 'Secrets Manager'],
  ['InternalServiceError', '', 500, 'Secrets Manager'],
  ['ResourceNotFoundException', '', 400, 'secret'],
])('%s, "%s", HTTP %s is the fault of: %s', (name, message, httpStatusCode, fault) => {
  const error = Object.assign(new Error(message), { name, $metadata: { httpStatusCode } });

  expect(faultOfAwsCall(error, 'Secrets Manager', 'secret')).toBe(fault);
});
