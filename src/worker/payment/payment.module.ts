import { Global, Module } from '@nestjs/common';
import { Config } from '../../config/config.js';
import { DatabaseUrl } from '../../database/database-url.js';
import { SandboxBank } from '../../database/sandbox-bank.js';
import { PaymentProvider } from './payment-provider.js';
import { SandboxPaymentProvider } from './sandbox/sandbox-payment-provider.js';

function createPaymentProvider(config: Config, databaseUrl: DatabaseUrl): PaymentProvider {
  switch (config.payment.provider) {
    case 'sandbox':
      return new SandboxPaymentProvider(new SandboxBank(databaseUrl.value), config.payment.sandbox);
  }
}

/** Provides `PaymentProvider`; needs `Config` and `DatabaseUrl` to be provided globally. */
@Global()
@Module({
  providers: [{ provide: PaymentProvider, useFactory: createPaymentProvider, inject: [Config, DatabaseUrl] }],
  exports: [PaymentProvider],
})
export class PaymentModule {}
