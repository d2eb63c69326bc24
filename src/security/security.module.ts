import { Global, Module } from '@nestjs/common';
import { Config } from '../config/config.js';
import { AccessGuard } from './access.js';
import { Authenticator, tokenSecret } from './authentication.js';
import { BookingTokens } from './booking-token.js';
import { SecretStore } from './secret-store.js';

/** The secret of tokens, read once at start. */
export class TokenSecret {
  constructor(readonly bytes: Uint8Array) {}
}

/** Who calls, and what they may. Needs `Config` and `SecretStore` from global modules. */
@Global()
@Module({
  providers: [
    {
      provide: TokenSecret,
      useFactory: async (config: Config, store: SecretStore) =>
        new TokenSecret(await tokenSecret(config.auth, store)),
      inject: [Config, SecretStore],
    },
    {
      provide: BookingTokens,
      useFactory: (secret: TokenSecret) => new BookingTokens(secret.bytes),
      inject: [TokenSecret],
    },
    {
      provide: Authenticator,
      useFactory: (config: Config, secret: TokenSecret, tokens: BookingTokens) =>
        Authenticator.create(config.auth, secret.bytes, tokens),
      inject: [Config, TokenSecret, BookingTokens],
    },
    AccessGuard,
  ],
  exports: [TokenSecret, BookingTokens, Authenticator, AccessGuard],
})
export class SecurityModule {}
