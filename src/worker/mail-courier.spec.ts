import type { DueMail } from '../booking/ledger/sweep.js';
import { BookingTokens } from '../security/booking-token.js';
import { BookingPages } from './booking-pages.js';
import { MailCourier } from './mail-courier.js';
import { Mailer } from './mail/mailer.js';

class NoMailer extends Mailer {
  override forget(): Promise<void> {
    return Promise.resolve();
  }
  override send(): Promise<void> {
    return Promise.resolve();
  }
  override close(): Promise<void> {
    return Promise.resolve();
  }
}

describe('The mail courier', () => {
  const courierOf = (utilization: number): { asked: () => number; deliver: () => Promise<boolean> } => {
    let asked = 0;
    const ledger = {
      dueMails: (): Promise<DueMail[]> => {
        asked += 1;
        return Promise.resolve([]);
      },
      mailsDone: () => Promise.resolve(0),
    };
    const pages = new BookingPages('http://127.0.0.1:3000', new BookingTokens(Buffer.alloc(32)));
    const courier = new MailCourier(
      ledger,
      new NoMailer(),
      pages,
      () => undefined,
      () => utilization,
    );
    return { asked: () => asked, deliver: () => courier.deliver(new AbortController().signal) };
  };

  it('gives way for a moment while its process is busy, and not while it is not', async () => {
    const [idle, busy] = [courierOf(0.5), courierOf(0.99)];
    const delivering = [idle.deliver(), busy.deliver()];
    expect([idle.asked(), busy.asked()]).toEqual([1, 0]);
    await Promise.all(delivering);
    expect([idle.asked(), busy.asked()]).toEqual([1, 1]);
  });
});
