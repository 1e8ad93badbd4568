package captions

import "strings"

// Rows and Columns are the size of a caption screen (CEA-608, section 4.1).
const (
	Rows    = 15
	Columns = 32
)

// grid is a screen's letters; 0 is where nothing was written.
type grid [Rows][Columns]rune

// mode is how letters come onto the screen.
type mode uint8

const (
	nothing mode = iota // no captions: the beginning, and text that is none
	popOn               // written out of sight, then shown at once
	paintOn             // written where it is seen
	rollUp              // written on the lowest of a few rows, which rise
)

// field is one of the two streams of pairs that CEA-608 has. Two channels take turns in it, and data about the programme.
type field struct {
	screens [2]screen
	channel Service // whose turn it is: 0 or 1
	other   bool    // it is that of data about the programme
	last    [2]byte // the last pair, where that was a code
}

// take takes a pair of letters, or a code, and tells which of the channels it is for. Codes come twice, so that one can be lost.
func (f *field) take(pair [2]byte) (channel Service, ok bool) {
	first, second := pair[0], pair[1]
	switch {
	case first >= 0x20 || first == 0:
		f.last = [2]byte{}
		if f.other {
			return 0, false
		}
		for _, b := range pair {
			if b >= 0x20 {
				f.screens[f.channel].write(letter(b))
			}
		}
	case first < 0x10:
		f.other = true
		return 0, false
	case pair == f.last:
		f.last = [2]byte{}
	default:
		f.last, f.other = pair, false
		f.channel = Service(first >> 3 & 1)
		f.screens[f.channel].code(first&^8, second)
	}
	return f.channel, f.screens[f.channel].mode != nothing
}

// screen is what one channel of CEA-608 shows.
type screen struct {
	mode       mode
	seen, made grid // what is shown, and what is written out of sight
	row, col   int
	depth      int // rows that roll up
}

// code takes a code, of which the first byte is the first channel's.
func (s *screen) code(first, second byte) {
	switch {
	case second >= 0x40:
		s.place(first, second)
	case (first == 0x14 || first == 0x15) && second >= 0x20 && second < 0x30: // of the first field, and of the second
		s.control(second)
	case first == 0x17 && second >= 0x21 && second <= 0x23:
		s.col = min(s.col+int(second&3), Columns-1)
	case first == 0x11 && second >= 0x20 && second < 0x30: // colours and italics take the place of a space
		s.write(' ')
	case first == 0x11 && second >= 0x30:
		s.write(nth(special, second&0xf))
	case first == 0x12 && second >= 0x20:
		s.replace(nth(romance, second&0x1f))
	case first == 0x13 && second >= 0x20:
		s.replace(nth(germanic, second&0x1f))
	}
}

// control is a miscellaneous control code (CEA-608, table 51).
func (s *screen) control(code byte) {
	switch code {
	case 0x20: // resume caption loading
		s.mode = popOn
	case 0x21: // backspace
		s.col = max(s.col-1, 0)
		s.page()[s.row][s.col] = 0
	case 0x24: // delete to the end of the row
		clear(s.page()[s.row][s.col:])
	case 0x25, 0x26, 0x27: // roll up two, three, four rows
		if s.mode != rollUp {
			s.seen, s.made = grid{}, grid{}
			s.row, s.col = Rows-1, 0
		}
		s.mode, s.depth = rollUp, int(code-0x25)+2
		s.row = max(s.row, s.depth-1)
	case 0x29: // resume direct captioning
		s.mode = paintOn
	case 0x2a, 0x2b: // text that is no caption
		s.mode = nothing
	case 0x2c: // erase displayed memory
		s.seen = grid{}
	case 0x2d: // carriage return
		if s.mode == rollUp {
			s.roll()
		}
	case 0x2e: // erase non-displayed memory
		s.made = grid{}
	case 0x2f: // end of caption: what was written is shown
		s.mode = popOn
		s.seen, s.made = s.made, s.seen
	}
}

// roll lifts the rows; the uppermost goes.
func (s *screen) roll() {
	top := s.row - s.depth + 1
	copy(s.seen[top:s.row], s.seen[top+1:s.row+1])
	s.seen[s.row] = [Columns]rune{}
	for i := range top {
		s.seen[i] = [Columns]rune{}
	}
	s.col = 0
}

// place is a preamble address code (CEA-608, table 53): where the next letter goes.
func (s *screen) place(first, second byte) {
	row := [8]int{10, 0, 2, 11, 13, 4, 6, 8}[first&7]
	if first&7 != 0 && second >= 0x60 {
		row++
	}
	if s.mode == rollUp {
		row = max(row, s.depth-1)
		if row != s.row { // all of them move with their lowest
			moved := grid{}
			copy(moved[row-s.depth+1:row+1], s.seen[s.row-s.depth+1:s.row+1])
			s.seen = moved
		}
	}
	s.row, s.col = row, 0
	if second&0x10 != 0 {
		s.col = int(second>>1&7) * 4
	}
}

// page is where letters are written.
func (s *screen) page() *grid {
	if s.mode == popOn {
		return &s.made
	}
	return &s.seen
}

func (s *screen) write(r rune) {
	if s.mode == nothing {
		return
	}
	s.page()[s.row][s.col] = r
	s.col = min(s.col+1, Columns-1)
}

// replace writes a letter in the place of the last, which stands in for it where it is not known.
func (s *screen) replace(r rune) {
	s.col = max(s.col-1, 0)
	s.write(r)
}

// blocks are what is shown: rows without an empty one between them make one.
func (s *screen) blocks() (blocks []block) {
	apart := true
	for i, row := range s.seen {
		var line strings.Builder
		for _, r := range row {
			if r == 0 {
				r = ' '
			}
			line.WriteRune(r)
		}
		indented := strings.TrimRight(line.String(), " ")
		text := strings.TrimLeft(indented, " ")
		column := len(indented) - len(text)
		switch {
		case text == "":
			apart = true
			continue
		case apart:
			blocks = append(blocks, block{i, column, text})
		default:
			b := &blocks[len(blocks)-1]
			b.text, b.column = b.text+"\n"+text, min(b.column, column)
		}
		apart = false
	}
	return blocks
}

// letter is one of the basic letters, which are ASCII but for these (CEA-608, table 50).
func letter(b byte) rune {
	switch b {
	case 0x2a:
		return 'á'
	case 0x5c:
		return 'é'
	case 0x5e:
		return 'í'
	case 0x5f:
		return 'ó'
	case 0x60:
		return 'ú'
	case 0x7b:
		return 'ç'
	case 0x7c:
		return '÷'
	case 0x7d:
		return 'Ñ'
	case 0x7e:
		return 'ñ'
	case 0x7f:
		return '█'
	}
	return rune(b)
}

// The other letters (CEA-608, tables 49, 5 to 10).
const (
	special  = "®°½¿™¢£♪à èâêîôû"
	romance  = "ÁÉÓÚÜü‘¡*'—©℠•“”ÀÂÇÈÊËëÎÏïÔÙùÛ«»"  // Spanish, French
	germanic = "ÃãÍÌìÒòÕõ{}\\^_|~ÄäÖöß¥¤│ÅåØø┌┐└┘" // Portuguese, German, Danish
)

func nth(letters string, n byte) rune { return []rune(letters)[n] }
