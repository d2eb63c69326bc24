import { Global, Module } from '@nestjs/common';
import { Config } from '../../config/config.js';
import { Database } from '../../database/database.js';
import { createPaymentProvider } from './create-payment-provider.js';
import { PaymentProvider } from './payment-provider.js';

/** Provides `PaymentProvider`; needs `Config` and `Database` to be provided globally. */
@Global()
@Module({
  providers: [{ provide: PaymentProvider, useFactory: createPaymentProvider, inject: [Config, Database] }],
  exports: [PaymentProvider],
})
export class PaymentModule {}
