import { describe, expect, test } from 'vitest'
import { seqOf } from '#runtime/nats/appends.ts'
import { deliveryOf } from '#runtime/nats/delivery.ts'
import { outsideOf } from '#runtime/nats/wire-headers.ts'
import { bytes } from '#test/support/bus-world.ts'

describe('on the wire', () => {
  test("both forms of a delivery's reply subject say where the entry stands", () => {
    const wanted = { seq: 4_503_599_627_370_496, count: 12, at: 1_795_225_475_405 }
    expect(deliveryOf('$JS.ACK.shop.C.1.4503599627370496.12.1795225475405732689.1')).toEqual(wanted)
    expect(deliveryOf('$JS.ACK.hub.ACC.shop.C.1.4503599627370496.12.1795225475405732689.1')).toEqual(wanted)
    expect(deliveryOf('$JS.ACK._.ACC.shop.C.1.4503599627370496.12.1795225475405732689.1.rnd')).toEqual(wanted)
  })

  test('an acknowledgement gives its sequence in any spacing, a refusal none', () => {
    const cases: [string, number][] = [
      ['{"stream":"shop","seq":17}', 17],
      ['{"stream":"shop", "seq":4503599627370496}', 4_503_599_627_370_496],
      ['{"stream":"shop","seq":3,"duplicate":true}', 3],
      ['{"stream":"seq","domain":"hub","seq": 5,"batch":"x","count":2}', 5],
      ['{"error":{"code":400,"err_code":10071,"description":"wrong last sequence: 9"},"stream":"shop","seq":0}', 0],
      ['{}', 0],
      ['', 0],
    ]
    for (const [text, seq] of cases) expect([text, seqOf(bytes(text))]).toEqual([text, seq])
  })

  test('headers of an outsider are found among others, in any case and order', () => {
    const of = (lines: string): unknown => outsideOf(bytes(`NATS/1.0\r\n${lines}\r\n`))
    expect(of('')).toEqual({})
    expect(of('Nats-Expected-Stream: shop\r\n')).toEqual({})
    expect(of('perdure-id: a\r\nNats-Msg-Id: b\r\n')).toEqual({ id: 'a' })
    expect(of('Nats-Msg-Id: b\r\nPerdure-Id:a:1\r\n')).toEqual({ id: 'a:1' })
    expect(of('NATS-MSG-ID:   b  \r\nTraceparent: 00-1\r\n')).toEqual({ id: 'b', traceparent: '00-1' })
    expect(of('perdure-xx: no\r\ntraceparenx: no\r\nbroken\r\nNats-Msg-Id: é\r\n')).toEqual({ id: 'é' })
  })
})
