import { faultOfAwsCall } from '../../lambda/aws-client.ts';

const error = (name: string, message = '', status = 400) =>
  Object.assign(new Error(message), { name, $metadata: { httpStatusCode: status } });
const systemError = (code: string) => Object.assign(new Error('connect'), { code });

test.each([
  [error('AccessDeniedException', 'not authorized to perform: ssm:PutParameter'), 'IAM'],
  [error('AccessDeniedException', 'not authorized to perform: kms:Decrypt on resource'), 'KMS'],
  [
    error('AccessDeniedException', 'User: …/my-kms-role/… is not authorized to perform: ssm:GetParameters'),
    'IAM',
  ],
  [error('AccessDeniedException', 'Access to KMS is not allowed'), 'KMS'],
  [
    error('AccessDeniedException', 'The ciphertext refers to a customer master key that does not exist'),
    'KMS',
  ],
  [error('DecryptionFailure'), 'KMS'],
  [error('KMSAccessDeniedException'), 'KMS'],
  [error('InvalidKeyId'), 'KMS'],
  [error('CredentialsProviderError'), 'IAM'],
  [error('UnrecognizedClientException'), 'IAM'],
  [error('ExpiredTokenException'), 'IAM'],
  [error('InvalidSignatureException'), 'IAM'],
  [systemError('ECONNREFUSED'), 'network'],
  [systemError('ENOTFOUND'), 'network'],
  [systemError('CERT_HAS_EXPIRED'), 'network'],
  [error('TimeoutError'), 'network'],
  [error('AbortError'), 'network'],
  [error('ThrottlingException'), 'Secrets Manager'],
  [error('InternalServiceError', '', 500), 'Secrets Manager'],
  [error('ServiceUnavailable', '', 503), 'Secrets Manager'],
  [error('ResourceNotFoundException'), 'secret'],
  ['no error at all', 'secret'],
])('%s is the fault of: %s', (failure, fault) => {
  expect(faultOfAwsCall(failure, 'Secrets Manager', 'secret')).toBe(fault);
});
