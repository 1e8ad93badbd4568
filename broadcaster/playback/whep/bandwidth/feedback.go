package bandwidth

import (
	"iter"
	"time"

	"github.com/pion/rtcp"
)

// Packet is what a viewer reports of one packet.
type Packet struct {
	Number uint16
	Lost   bool
	At     time.Duration // when it arrived, on the viewer's clock, unless it is lost
}

// Clock turns the feedback messages of one connection into packets. The zero Clock is ready.
type Clock struct {
	begun   bool
	last    uint32
	elapsed int64 // of the reference time, in units of 64 ms
	packets []Packet
}

// Packets reads a message; what it returns is valid until the next call. What is more than can be on its way, or lacks a
// part, is left out.
func (c *Clock) Packets(m *rtcp.TransportLayerCC) []Packet {
	const start = 1 << 20 // so that times stay positive where messages overtake each other
	if !c.begun {
		c.begun, c.elapsed = true, start
	} else {
		c.elapsed += int64(int32((m.ReferenceTime-c.last)<<8) >> 8) // 24 bits, signed
	}
	c.last = m.ReferenceTime
	at := time.Duration(c.elapsed) * 64 * time.Millisecond
	c.packets = c.packets[:0]
	deltas := m.RecvDeltas
	for status := range statuses(m) {
		p := Packet{Number: m.BaseSequenceNumber + uint16(len(c.packets)), Lost: true}
		if status == rtcp.TypeTCCPacketReceivedSmallDelta || status == rtcp.TypeTCCPacketReceivedLargeDelta {
			if len(deltas) == 0 {
				break
			}
			at += time.Duration(deltas[0].Delta) * time.Microsecond
			deltas = deltas[1:]
			p.Lost, p.At = false, at
		}
		c.packets = append(c.packets, p)
	}
	return c.packets
}

// statuses are the symbols of a message, one a packet.
func statuses(m *rtcp.TransportLayerCC) iter.Seq[uint16] {
	return func(yield func(uint16) bool) {
		left := min(int(m.PacketStatusCount), remembered)
		for _, chunk := range m.PacketChunks {
			for i := 0; ; i++ {
				status, ok := symbol(chunk, i)
				if !ok {
					break
				}
				if left == 0 || !yield(status) {
					return
				}
				left--
			}
		}
	}
}

// symbol is the i-th of a chunk, if there is one.
func symbol(chunk rtcp.PacketStatusChunk, i int) (uint16, bool) {
	switch chunk := chunk.(type) {
	case *rtcp.RunLengthChunk:
		return chunk.PacketStatusSymbol, i < int(chunk.RunLength)
	case *rtcp.StatusVectorChunk:
		if i < len(chunk.SymbolList) {
			return chunk.SymbolList[i], true
		}
	}
	return 0, false
}
