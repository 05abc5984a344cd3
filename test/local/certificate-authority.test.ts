import { X509Certificate } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import { createCertificateAuthority } from '../../local/certificate-authority.ts';

test('a server certificate names every host it was asked for and is signed by the authority', async () => {
  const authority = await createCertificateAuthority();
  const { cert } = await authority.issue(['login.example.test', 'localhost', '127.0.0.1']);

  const server = new X509Certificate(cert);
  const root = new X509Certificate(authority.certificate);
  expect(root.ca).toBe(true);
  expect(server.ca).toBe(false);
  expect(server.checkHost('login.example.test')).toBe('login.example.test');
  expect(server.checkHost('localhost')).toBe('localhost');
  expect(server.checkIP('127.0.0.1')).toBe('127.0.0.1');
  expect(server.checkHost('api.example.test')).toBeUndefined();
  expect(server.verify(root.publicKey)).toBe(true);
});

test('the certificate file holds the public certificate alone and goes away when removed', async () => {
  const authority = await createCertificateAuthority();
  const file = await authority.writeCertificate();

  expect(await readFile(file.path, 'utf8')).toBe(authority.certificate);
  expect(authority.certificate).not.toContain('PRIVATE KEY');

  await file.remove();
  await expect(stat(file.path)).rejects.toMatchObject({ code: 'ENOENT' });
});
