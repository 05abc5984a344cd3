import type { Place } from './operation.ts';

/** Answers GetCallerIdentity, which needs no permission, in the XML of the Query protocol. */
export function callerIdentity(place: Place, principalArn: string, requestId: string): string {
  return [
    '<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">',
    '  <GetCallerIdentityResult>',
    `    <Arn>${escapeXml(principalArn)}</Arn>`,
    `    <UserId>AROAEXAMPLE:${escapeXml(principalArn.split('/').at(-1) ?? '')}</UserId>`,
    `    <Account>${place.accountId}</Account>`,
    '  </GetCallerIdentityResult>',
    `  <ResponseMetadata><RequestId>${requestId}</RequestId></ResponseMetadata>`,
    '</GetCallerIdentityResponse>',
  ].join('\n');
}

/** Words an error in the XML of the Query protocol. */
export function queryError(code: string, message: string, requestId: string): string {
  return [
    '<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">',
    `  <Error><Type>Sender</Type><Code>${code}</Code><Message>${escapeXml(message)}</Message></Error>`,
    `  <RequestId>${requestId}</RequestId>`,
    '</ErrorResponse>',
  ].join('\n');
}

function escapeXml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
