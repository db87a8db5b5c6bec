import {defineConfig} from 'vitepress';

export default defineConfig({
  title: 'limbeck',
  description: 'Distil any teacher that you can reach into a small local student.',
  lang: 'en-GB',
  cleanUrls: false,
  srcExclude: ['figures/**'],
  // The reference of the exports is made by TypeDoc beside the site, which VitePress does not see.
  ignoreDeadLinks: [/^\/api\//],
  themeConfig: {
    search: {provider: 'local'},
    outline: [2, 3],
    nav: [
      {text: 'Guide', link: '/guide/distil-a-hosted-api'},
      {text: 'Theory', link: '/theory'},
      {text: 'Reference', link: '/reference/commands'},
      {text: 'Exports', link: '/api/index.html', target: '_self'},
    ],
    sidebar: [
      {
        text: 'Guide',
        items: [
          {text: 'Distil a hosted API', link: '/guide/distil-a-hosted-api'},
          {text: 'Distil a server of your own', link: '/guide/distil-your-own-server'},
          {text: 'Distil an embedding model', link: '/guide/distil-an-embedding-model'},
          {text: 'Images and records', link: '/guide/images-and-records'},
          {text: 'Compare levels of access', link: '/guide/compare-levels'},
          {text: 'Read a report', link: '/guide/read-a-report'},
          {text: 'Import answers', link: '/guide/import-answers'},
          {text: 'Write inputs', link: '/guide/write-inputs'},
          {text: 'Train offline', link: '/guide/train-offline'},
          {text: 'Serve and cascade', link: '/guide/serve-and-cascade'},
          {text: 'Export a student', link: '/guide/export'},
          {text: 'Work at scale', link: '/guide/at-scale'},
          {text: 'To a billion inputs', link: '/scale'},
          {text: 'Network', link: '/guide/network'},
          {text: 'Responsible use', link: '/guide/responsible-use'},
          {text: 'Write an adapter', link: '/guide/write-an-adapter'},
          {text: 'Write a loss', link: '/guide/write-a-loss'},
        ],
      },
      {text: 'Theory', link: '/theory'},
      {
        text: 'Reference',
        items: [
          {text: 'Commands', link: '/reference/commands'},
          {text: 'Adapters', link: '/reference/adapters'},
          {text: 'Losses', link: '/reference/losses'},
          {text: 'Students', link: '/reference/students'},
          {text: 'Metrics', link: '/reference/metrics'},
          {text: 'Results', link: '/reference/results'},
          {text: 'Joint results', link: '/reference/joint-results'},
          {text: 'Selection strategies', link: '/reference/selection'},
          {text: 'Asking', link: '/reference/asking'},
          {text: 'Exports by subject', link: '/reference/exports'},
          {text: 'Published results', link: '/reference/published'},
          {text: 'What an installation weighs', link: '/install'},
        ],
      },
      {text: 'Glossary', link: '/glossary'},
    ],
  },
});
