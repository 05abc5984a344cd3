/**
 * Where moto 5.2.5 behaves otherwise than AWS documents, by the name of the check, with the reason. `npm run
 * contract` fails when a check fails that is not here, and when one that is here begins to pass.
 */
export const motoGaps: Readonly<Record<string, string>> = {
  'a SecureString reads as ciphertext without decryption and as its value with it':
    'without decryption the plaintext comes back behind a prefix',
  'the standard tier takes 4,096 bytes and not one more': 'sizes are not checked',
  'Intelligent-Tiering chooses advanced above 4,096 bytes and never goes back':
    'the tier is stored as asked for',
  'the advanced tier takes 8,192 bytes and not one more': 'sizes are not checked',
  'a key that is not there is InvalidKeyId': 'keys of parameters are not looked up',
  'a stage that no version has is ResourceNotFoundException, and the message names it':
    'the message does not name the stage',
  'PutSecretValue moves AWSCURRENT, and AWSPREVIOUS follows; older versions lose their labels':
    'versions without a label stay in VersionIdsToStages',
  'a secret scheduled for deletion gives no value, keeps its name, and can be restored': 'other wording',
  'a value of more than 65,536 bytes is refused': 'sizes are not checked',
};
