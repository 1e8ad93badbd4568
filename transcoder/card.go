package transcoder

// Card is the state of a graphics card, as its driver tells it of everything that runs there.
type Card struct {
	Name string
	// Busy, Encoder and Decoder are the part of the time that the card's cores, encoders and decoders work, 0 to 1; not a
	// number where the driver does not tell.
	Busy, Encoder, Decoder float64
	// MemoryUsed and MemoryTotal are in bytes.
	MemoryUsed, MemoryTotal int64
	// Temperature is in degrees Celsius; at Slowdown the card throttles itself. Not a number where the driver does not tell.
	Temperature, Slowdown float64
	// EncoderSessions counts the open ones of all programs.
	EncoderSessions int
	// Watts is the power it takes; not a number where the driver does not tell.
	Watts float64
}
