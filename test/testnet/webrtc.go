package testnet

import "strconv"

// WebRTC is the host:port of its media, by UDP and TCP.
func (n *Network) WebRTC() string { return "127.0.0.1:" + strconv.Itoa(n.base+2) }
