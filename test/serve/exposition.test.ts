import {describe, expect, it} from 'vitest';
import {Exposition} from '../../src/serve/exposition.ts';

describe('Exposition', () => {
  it('writes counters, readings and histograms in the text format of Prometheus', () => {
    const exposition = new Exposition();
    const requests = exposition.counter('requests_total', 'Requests.');
    exposition.reading('gauge', 'share', 'A share.', () => [
      [{}, undefined],
      [{of: 'two'}, 0.5],
    ]);
    const seconds = exposition.histogram('seconds', 'Time.', [0.1, 1]);
    requests({route: '/a', status: '200'});
    requests({route: '/a', status: '200'}, 2);
    requests({route: 'say "b"\\\n', status: '404'});
    for (const value of [0.05, 0.1, 0.5, 7]) seconds({}, value);
    // As the format's own description has it: github.com/prometheus/docs, exposition_formats.
    expect(exposition.text()).toBe(
      [
        '# HELP requests_total Requests.',
        '# TYPE requests_total counter',
        'requests_total{route="/a",status="200"} 3',
        'requests_total{route="say \\"b\\"\\\\\\n",status="404"} 1',
        '# HELP share A share.',
        '# TYPE share gauge',
        'share{of="two"} 0.5',
        '# HELP seconds Time.',
        '# TYPE seconds histogram',
        'seconds_bucket{le="0.1"} 2',
        'seconds_bucket{le="1"} 3',
        'seconds_bucket{le="+Inf"} 4',
        'seconds_sum 7.65',
        'seconds_count 4',
        '',
      ].join('\n'),
    );
  });
});
