import { Global, Module } from '@nestjs/common';
import { Config } from '../../config/config.js';
import { DocumentRenderer } from './document-renderer.js';
import { fontDirectory, Fonts } from './fonts.js';
import { PdfDocumentRenderer } from './pdf-document-renderer.js';

/** Provides `DocumentRenderer`; needs `Config` to be provided globally. The fonts are read once, at start. */
@Global()
@Module({
  providers: [
    {
      provide: DocumentRenderer,
      useFactory: (config: Config): DocumentRenderer =>
        new PdfDocumentRenderer(new Fonts(fontDirectory()), config.http.publicUrl),
      inject: [Config],
    },
  ],
  exports: [DocumentRenderer],
})
export class DocumentModule {}
