package receipt

import (
	"errors"
	"fmt"

	"github.com/holiman/uint256"

	"castnet/internal/media"
)

// Units of the price vector.
const (
	pixelsPerPrice = 1_000_000 // prices are per 10^6 pixels
	bytesPerPrice  = 1 << 20   // and per MiB
)

// ErrFee is wrapped by every refusal to compute a fee.
var ErrFee = errors.New("no fee")

// Fee is what a segment costs, in wei:
//
//	fee = Σ over renditions ⌊price[codec] · (frames·width·height) / 10^6⌋
//	    + ⌊price.source · ((frames + prefixFrames)·width·height of the source) / 10^6⌋
//	    + ⌊price.mib · (Σ rendition bytes) / 2^20⌋
//
// Each term is one mulDiv with a 512-bit product, so that a contract computes the same. Sizes are those of the lease's
// rungs; renditions are in the order of the rungs.
func Fee(prices *Prices, rungs []Rung, source *Source, renditions []Rendition) (uint256.Int, error) {
	var fee uint256.Int
	if len(rungs) != len(renditions) {
		return fee, fmt.Errorf("%w: %d renditions for %d rungs", ErrFee, len(renditions), len(rungs))
	}
	sourcePixels := pixels(uint64(source.Frames)+uint64(source.PrefixFrames), source.Width, source.Height)
	if err := addTerm(&fee, &prices.Source, &sourcePixels, pixelsPerPrice); err != nil {
		return fee, err
	}
	var sent uint256.Int
	for i := range rungs {
		price := prices.of(rungs[i].Codec)
		if price == nil {
			return fee, fmt.Errorf("%w: codec %v has no price", ErrFee, rungs[i].Codec)
		}
		made := pixels(uint64(renditions[i].Frames), rungs[i].Width, rungs[i].Height)
		if err := addTerm(&fee, price, &made, pixelsPerPrice); err != nil {
			return fee, err
		}
		sent.AddUint64(&sent, renditions[i].Bytes)
	}
	return fee, addTerm(&fee, &prices.MiB, &sent, bytesPerPrice)
}

// of returns the price of output pixels of a codec, nil where it has none.
func (p *Prices) of(c media.Codec) *uint256.Int {
	switch c {
	case media.H264:
		return &p.H264
	case media.HEVC:
		return &p.HEVC
	case media.AV1:
		return &p.AV1
	default:
		return nil
	}
}

// pixels is frames · width · height: at most 2^97.
func pixels(frames uint64, width, height uint32) uint256.Int {
	product := uint256.NewInt(uint64(width) * uint64(height))
	product.Mul(product, uint256.NewInt(frames))
	return *product
}

// addTerm adds ⌊price · quantity / per⌋ to fee.
func addTerm(fee, price, quantity *uint256.Int, per uint64) error {
	var term uint256.Int
	if _, overflow := term.MulDivOverflow(price, quantity, uint256.NewInt(per)); overflow {
		return fmt.Errorf("%w: %s wei × %s / %d exceeds 256 bits", ErrFee, price.Dec(), quantity.Dec(), per)
	}
	if _, overflow := fee.AddOverflow(fee, &term); overflow {
		return fmt.Errorf("%w: the sum exceeds 256 bits", ErrFee)
	}
	return nil
}
