package captions

import (
	"cmp"
	"slices"
	"strings"
	"unicode"
)

// maxPacket is the longest packet (CEA-708, section 5), with its header.
const maxPacket = 128

// packets puts the packets of CEA-708 together, and hands on what they hold for service 1.
type packets struct {
	data    []byte // of the packet that is not complete
	size    int    // that it will have
	service *digitalService
}

// take takes two more bytes, or the first two of a packet, and reports whether they brought anything for the service.
func (p *packets) take(first bool, b [2]byte) bool {
	if first {
		p.data = p.data[:0]
		if p.size = int(b[0]&0x3f) * 2; p.size == 0 {
			p.size = maxPacket
		}
	} else if len(p.data) == 0 {
		return false // the beginning was lost
	}
	if p.data = append(p.data, b[:]...); len(p.data) < p.size {
		return false
	}
	rest, heard := p.data[1:p.size], false
	p.data = p.data[:0]
	for len(rest) > 0 {
		number, size := rest[0]>>5, int(rest[0]&0x1f)
		rest = rest[1:]
		if number == 7 && len(rest) > 0 { // a second byte has the number of a service beyond the sixth
			rest = rest[1:]
		}
		if number == 0 || size > len(rest) { // nothing more follows; or it makes no sense
			break
		}
		if number == 1 && size > 0 {
			if p.service == nil {
				p.service = new(digitalService)
			}
			p.service.take(rest[:size])
			heard = true
		}
		rest = rest[size:]
	}
	return heard
}

// The size of a window's text at most (CEA-708, section 8.4).
const (
	windowRows    = 15
	windowColumns = 42
)

// window is one of a service's areas of text.
type window struct {
	defined, visible bool
	rows, columns    int
	row, col         int // where the next letter goes
	anchor           int // how far down the screen it is
	letters          [windowRows][windowColumns]rune
}

// digitalService is a service of CEA-708. Of its windows all is read but how they look, and where they are beyond their order.
type digitalService struct {
	windows [8]window
	current int // which of them is written
}

// take takes a block of commands and letters. What is cut short is left out.
func (s *digitalService) take(data []byte) {
	for len(data) > 0 {
		n := min(commandSize(data), len(data))
		s.command(data[:n])
		data = data[n:]
	}
}

// commandSize is how many bytes a command has, with those that follow its code (CEA-708, section 7.1).
func commandSize(data []byte) int {
	switch code := data[0]; {
	case code == 0x10 && len(data) > 1: // it names a code of the second set
		return 1 + extendedSize(data[1:])
	case code < 0x10:
		return 1
	case code < 0x18:
		return 2
	case code < 0x20:
		return 3
	case code >= 0x88 && code <= 0x8d: // windows by a bit each; a delay
		return 2
	case code == 0x90 || code == 0x92: // what the pen writes like, and where
		return 3
	case code == 0x91: // its colours
		return 4
	case code == 0x97: // what a window looks like
		return 5
	case code >= 0x98 && code <= 0x9f: // a window
		return 7
	}
	return 1
}

func extendedSize(data []byte) int {
	switch code := data[0]; {
	case code < 0x20:
		return 1 + int(code>>3)
	case code >= 0x80 && code < 0x88:
		return 5
	case code >= 0x88 && code < 0x90:
		return 6
	case code >= 0x90 && code < 0xa0 && len(data) > 1:
		return 2 + int(data[1]&0x1f)
	}
	return 1
}

// command takes one whole command, or a letter.
func (s *digitalService) command(data []byte) {
	w := &s.windows[s.current]
	switch code := data[0]; {
	case len(data) < commandSize(data):
	case code == 0x08:
		w.col = max(w.col-1, 0)
		w.letters[w.row][w.col] = 0
	case code == 0x0c:
		w.clear()
	case code == 0x0d:
		w.feed()
	case code == 0x0e:
		w.letters[w.row], w.col = [windowColumns]rune{}, 0
	case code == 0x10 && len(data) == 2:
		w.write(more(data[1]))
	case code == 0x18: // a letter of two bytes
		w.write(rune(data[1])<<8 | rune(data[2]))
	case code == 0x7f:
		w.write('♪')
	case code >= 0x20 && code < 0x80, code >= 0xa0: // ASCII, Latin-1
		w.write(rune(code))
	case code >= 0x80 && code < 0x88:
		s.current = int(code & 7)
	case code >= 0x88 && code <= 0x8c:
		s.change(code, data[1])
	case code == 0x8f:
		*s = digitalService{}
	case code == 0x92:
		w.row, w.col = min(int(data[1]&0xf), max(w.rows-1, 0)), min(int(data[2]&0x3f), max(w.columns-1, 0))
	case code >= 0x98 && code <= 0x9f:
		s.define(int(code&7), data[1:])
	}
}

// change does with each of the windows that have a bit what a code says.
func (s *digitalService) change(code, which byte) {
	for i := range s.windows {
		w := &s.windows[i]
		if which>>i&1 == 0 {
			continue
		}
		switch code {
		case 0x88:
			w.clear()
		case 0x89:
			w.visible = true
		case 0x8a:
			w.visible = false
		case 0x8b:
			w.visible = !w.visible
		case 0x8c:
			*w = window{}
		}
	}
}

// define makes a window, or another one of it, and goes on in it.
func (s *digitalService) define(number int, data []byte) {
	s.current = number
	w := &s.windows[number]
	rows, columns := min(int(data[3]&0xf)+1, windowRows), min(int(data[4]&0x3f)+1, windowColumns)
	if !w.defined || w.rows != rows || w.columns != columns {
		*w = window{defined: true, rows: rows, columns: columns}
	}
	w.visible = data[0]&0x20 != 0
	w.anchor = int(data[1] & 0x7f)
}

func (w *window) clear() {
	w.letters, w.row, w.col = [windowRows][windowColumns]rune{}, 0, 0
}

// feed begins the next row. In the last one, all rows rise.
func (w *window) feed() {
	w.col = 0
	if w.row < w.rows-1 {
		w.row++
		return
	}
	copy(w.letters[:w.row], w.letters[1:w.row+1])
	w.letters[w.row] = [windowColumns]rune{}
}

func (w *window) write(r rune) {
	if !w.defined {
		return
	}
	w.letters[w.row][w.col] = r
	w.col = min(w.col+1, w.columns-1)
}

// blocks are what the visible windows show, one each, from the top. A service that has said nothing shows nothing.
func (s *digitalService) blocks() (blocks []block) {
	if s == nil {
		return nil
	}
	var visible []*window
	for i := range s.windows {
		if s.windows[i].visible {
			visible = append(visible, &s.windows[i])
		}
	}
	slices.SortStableFunc(visible, func(a, b *window) int { return cmp.Compare(a.anchor, b.anchor) })
	for _, w := range visible {
		var lines []string
		for _, row := range w.letters {
			line := strings.Map(func(r rune) rune {
				if unicode.IsControl(r) {
					return ' '
				}
				return r
			}, string(row[:]))
			if line = strings.TrimSpace(line); line != "" {
				lines = append(lines, line)
			}
		}
		if len(lines) > 0 {
			blocks = append(blocks, block{row: Nowhere, text: strings.Join(lines, "\n")})
		}
	}
	return blocks
}

// more is a letter of the second set (CEA-708, tables 15 and 17).
func more(code byte) rune {
	switch code {
	case 0x20, 0x21:
		return ' '
	case 0x25:
		return '…'
	case 0x2a:
		return 'Š'
	case 0x2c:
		return 'Œ'
	case 0x30:
		return '█'
	case 0x31:
		return '‘'
	case 0x32:
		return '’'
	case 0x33:
		return '“'
	case 0x34:
		return '”'
	case 0x35:
		return '•'
	case 0x39:
		return '™'
	case 0x3a:
		return 'š'
	case 0x3c:
		return 'œ'
	case 0x3d:
		return '℠'
	case 0x3f:
		return 'Ÿ'
	case 0x76:
		return '⅛'
	case 0x77:
		return '⅜'
	case 0x78:
		return '⅝'
	case 0x79:
		return '⅞'
	}
	return '_' // as the specification wants it of letters that are not known
}
