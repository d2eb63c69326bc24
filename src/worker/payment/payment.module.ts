import { Global, Module } from '@nestjs/common';
import { Config } from '../../config/config.js';
import { DatabaseUrl } from '../../database/database-url.js';
import { SandboxBank } from '../../database/sandbox-bank.js';
import { PaymentProvider } from './payment-provider.js';
import { SandboxPaymentProvider } from './sandbox/sandbox-payment-provider.js';

type Make = (config: Config, databaseUrl: DatabaseUrl) => PaymentProvider;

/** One for each value of `PAYMENT_PROVIDER`. */
const PROVIDERS: Readonly<Record<Config['payment']['provider'], Make>> = {
  sandbox: (config, databaseUrl) =>
    new SandboxPaymentProvider(new SandboxBank(databaseUrl.value), config.payment.sandbox),
};

const createPaymentProvider: Make = (config, databaseUrl) =>
  PROVIDERS[config.payment.provider](config, databaseUrl);

/** Provides `PaymentProvider`; needs `Config` and `DatabaseUrl` to be provided globally. */
@Global()
@Module({
  providers: [{ provide: PaymentProvider, useFactory: createPaymentProvider, inject: [Config, DatabaseUrl] }],
  exports: [PaymentProvider],
})
export class PaymentModule {}
