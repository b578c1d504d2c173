import react from '@vitejs/plugin-react';
import { defineConfig } from 'vitest/config';
import { documents, finish } from './build.ts';

const router = process.env.ROUTER_URL ?? 'http://127.0.0.1:4000';

export default defineConfig({
  plugins: [documents(), react(), finish()],
  build: {
    outDir: 'dist/pages',
    emptyOutDir: true,
    assetsInlineLimit: 0, // the page's policy allows data: for images only
    target: 'es2023',
    // Browsers keep the libraries in their caches when the shop changes.
    rolldownOptions: { output: { codeSplitting: { groups: [{ name: 'libraries', test: /node_modules\/(?!@stripe)/ }] } } },
    cssTarget: ['chrome123', 'firefox121', 'safari17.5'], // the first versions with light-dark()
  },
  server: {
    // The proxy keeps the Host header, so that the router sees one origin, as in production.
    proxy: { '/graphql': { target: router, ws: true }, '/playground': { target: router } },
  },
  test: { environment: 'jsdom', include: ['src/**/*.test.{ts,tsx}'], restoreMocks: true },
});
