import react from '@vitejs/plugin-react';
import { defineConfig } from 'vitest/config';
import { documents, finish } from './build.ts';

const router = process.env.ROUTER_URL ?? 'http://127.0.0.1:4000';

export default defineConfig({
  plugins: [documents(), react(), finish()],
  build: {
    outDir: 'dist/pages',
    emptyOutDir: true,
    assetsInlineLimit: 0, // the page's policy allows no data: but for images
    target: 'es2023',
    // What changes rarely stays in browsers' caches when the shop changes.
    rolldownOptions: { output: { codeSplitting: { groups: [{ name: 'libraries', test: /node_modules\/(?!@stripe)/ }] } } },
    cssTarget: ['chrome123', 'firefox121', 'safari17.5'], // they know light-dark()
  },
  server: {
    // The Host is kept, so that the router sees one origin, as in production.
    proxy: { '/graphql': { target: router, ws: true }, '/playground': { target: router } },
  },
  test: { environment: 'jsdom', include: ['src/**/*.test.{ts,tsx}'], restoreMocks: true },
});
