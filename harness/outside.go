package harness

// Outside are hosts that no node of a drill reaches by name: APIs at which a hook could change what is real. Hooks under test
// are often written for production, and some have the address in them. They find nobody there; where a drill has such an
// API, it has a stand-in, and tells the hook where.
//
// It holds for what asks the system for the address, as nearly everything does. It does not hold for a hook that has the number
// of the address in it, asks a name server itself, or goes through a proxy that it brings along.
var Outside = []string{"api.linode.com"}

// Nowhere is the address that Outside have on every node: the node itself, where nothing listens on their port.
const Nowhere = "127.0.0.1"
