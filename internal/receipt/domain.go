package receipt

import "castnet/internal/eip712"

// Domain is where signatures over this package's objects are good: one chain and one TicketBroker. It is
// eip712.Domain by a name that rooms without typed data of their own can use.
type Domain = eip712.Domain
