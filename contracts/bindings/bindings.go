// Code generated via abigen V2 - DO NOT EDIT.
// This file is a generated binding and any manual changes will be lost.

package bindings

import (
	"bytes"
	"errors"
	"math/big"

	"github.com/ethereum/go-ethereum/accounts/abi"
	"github.com/ethereum/go-ethereum/accounts/abi/bind/v2"
	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"
)

// Reference imports to suppress errors if they are not otherwise used.
var (
	_ = bytes.Equal
	_ = errors.New
	_ = big.NewInt
	_ = common.Big1
	_ = types.BloomLookup
	_ = abi.ConvertType
)

// CastTokenAllocation is an auto generated low-level Go binding around an user-defined struct.
type CastTokenAllocation struct {
	Account common.Address
	Amount  *big.Int
}

// StakingListing is an auto generated low-level Go binding around an user-defined struct.
type StakingListing struct {
	Id         common.Address
	Operator   common.Address
	Stake      *big.Int
	SelfStake  *big.Int
	RewardCut  uint32
	FeeShare   uint32
	Active     bool
	ActiveFrom uint64
	ServiceURI string
}

// StakingParameters is an auto generated low-level Go binding around an user-defined struct.
type StakingParameters struct {
	MinSelfStake    *big.Int
	UnbondingPeriod uint64
	MaxActive       uint16
}

// StakingRegistration is an auto generated low-level Go binding around an user-defined struct.
type StakingRegistration struct {
	Operator   common.Address
	RewardCut  uint32
	FeeShare   uint32
	ServiceURI string
}

// StakingUnbonding is an auto generated low-level Go binding around an user-defined struct.
type StakingUnbonding struct {
	Orchestrator common.Address
	ReleaseAt    uint64
	Amount       *big.Int
}

// TicketBrokerOutcome is an auto generated low-level Go binding around an user-defined struct.
type TicketBrokerOutcome struct {
	Reason      uint8
	Paid        *big.Int
	FromReserve *big.Int
}

// TicketBrokerRedemption is an auto generated low-level Go binding around an user-defined struct.
type TicketBrokerRedemption struct {
	Ticket        TicketBrokerTicket
	V             uint8
	R             [32]byte
	S             [32]byte
	RecipientRand [32]byte
}

// TicketBrokerTicket is an auto generated low-level Go binding around an user-defined struct.
type TicketBrokerTicket struct {
	ReceiptHash [32]byte
	Sender      common.Address
	Recipient   common.Address
	Fee         *big.Int
	FaceValue   *big.Int
	RandHash    [32]byte
	Lane        uint64
	Nonce       uint64
	Round       uint64
	Expiry      uint64
}

// CastTokenMetaData contains all meta data concerning the CastToken contract.
var CastTokenMetaData = bind.MetaData{
	ABI: "[{\"type\":\"constructor\",\"inputs\":[{\"name\":\"minter_\",\"type\":\"address\",\"internalType\":\"address\"},{\"name\":\"supply\",\"type\":\"tuple[]\",\"internalType\":\"structCastToken.Allocation[]\",\"components\":[{\"name\":\"account\",\"type\":\"address\",\"internalType\":\"address\"},{\"name\":\"amount\",\"type\":\"uint256\",\"internalType\":\"uint256\"}]}],\"stateMutability\":\"nonpayable\"},{\"type\":\"function\",\"name\":\"DOMAIN_SEPARATOR\",\"inputs\":[],\"outputs\":[{\"name\":\"\",\"type\":\"bytes32\",\"internalType\":\"bytes32\"}],\"stateMutability\":\"view\"},{\"type\":\"function\",\"name\":\"allowance\",\"inputs\":[{\"name\":\"owner\",\"type\":\"address\",\"internalType\":\"address\"},{\"name\":\"spender\",\"type\":\"address\",\"internalType\":\"address\"}],\"outputs\":[{\"name\":\"\",\"type\":\"uint256\",\"internalType\":\"uint256\"}],\"stateMutability\":\"view\"},{\"type\":\"function\",\"name\":\"approve\",\"inputs\":[{\"name\":\"spender\",\"type\":\"address\",\"internalType\":\"address\"},{\"name\":\"value\",\"type\":\"uint256\",\"internalType\":\"uint256\"}],\"outputs\":[{\"name\":\"\",\"type\":\"bool\",\"internalType\":\"bool\"}],\"stateMutability\":\"nonpayable\"},{\"type\":\"function\",\"name\":\"balanceOf\",\"inputs\":[{\"name\":\"account\",\"type\":\"address\",\"internalType\":\"address\"}],\"outputs\":[{\"name\":\"\",\"type\":\"uint256\",\"internalType\":\"uint256\"}],\"stateMutability\":\"view\"},{\"type\":\"function\",\"name\":\"decimals\",\"inputs\":[],\"outputs\":[{\"name\":\"\",\"type\":\"uint8\",\"internalType\":\"uint8\"}],\"stateMutability\":\"view\"},{\"type\":\"function\",\"name\":\"mint\",\"inputs\":[{\"name\":\"account\",\"type\":\"address\",\"internalType\":\"address\"},{\"name\":\"amount\",\"type\":\"uint256\",\"internalType\":\"uint256\"}],\"outputs\":[],\"stateMutability\":\"nonpayable\"},{\"type\":\"function\",\"name\":\"minter\",\"inputs\":[],\"outputs\":[{\"name\":\"\",\"type\":\"address\",\"internalType\":\"address\"}],\"stateMutability\":\"view\"},{\"type\":\"function\",\"name\":\"name\",\"inputs\":[],\"outputs\":[{\"name\":\"\",\"type\":\"string\",\"internalType\":\"string\"}],\"stateMutability\":\"view\"},{\"type\":\"function\",\"name\":\"nonces\",\"inputs\":[{\"name\":\"owner\",\"type\":\"address\",\"internalType\":\"address\"}],\"outputs\":[{\"name\":\"\",\"type\":\"uint256\",\"internalType\":\"uint256\"}],\"stateMutability\":\"view\"},{\"type\":\"function\",\"name\":\"permit\",\"inputs\":[{\"name\":\"owner\",\"type\":\"address\",\"internalType\":\"address\"},{\"name\":\"spender\",\"type\":\"address\",\"internalType\":\"address\"},{\"name\":\"value\",\"type\":\"uint256\",\"internalType\":\"uint256\"},{\"name\":\"deadline\",\"type\":\"uint256\",\"internalType\":\"uint256\"},{\"name\":\"v\",\"type\":\"uint8\",\"internalType\":\"uint8\"},{\"name\":\"r\",\"type\":\"bytes32\",\"internalType\":\"bytes32\"},{\"name\":\"s\",\"type\":\"bytes32\",\"internalType\":\"bytes32\"}],\"outputs\":[],\"stateMutability\":\"nonpayable\"},{\"type\":\"function\",\"name\":\"symbol\",\"inputs\":[],\"outputs\":[{\"name\":\"\",\"type\":\"string\",\"internalType\":\"string\"}],\"stateMutability\":\"view\"},{\"type\":\"function\",\"name\":\"totalSupply\",\"inputs\":[],\"outputs\":[{\"name\":\"\",\"type\":\"uint256\",\"internalType\":\"uint256\"}],\"stateMutability\":\"view\"},{\"type\":\"function\",\"name\":\"transfer\",\"inputs\":[{\"name\":\"to\",\"type\":\"address\",\"internalType\":\"address\"},{\"name\":\"value\",\"type\":\"uint256\",\"internalType\":\"uint256\"}],\"outputs\":[{\"name\":\"\",\"type\":\"bool\",\"internalType\":\"bool\"}],\"stateMutability\":\"nonpayable\"},{\"type\":\"function\",\"name\":\"transferFrom\",\"inputs\":[{\"name\":\"from\",\"type\":\"address\",\"internalType\":\"address\"},{\"name\":\"to\",\"type\":\"address\",\"internalType\":\"address\"},{\"name\":\"value\",\"type\":\"uint256\",\"internalType\":\"uint256\"}],\"outputs\":[{\"name\":\"\",\"type\":\"bool\",\"internalType\":\"bool\"}],\"stateMutability\":\"nonpayable\"},{\"type\":\"event\",\"name\":\"Approval\",\"inputs\":[{\"name\":\"owner\",\"type\":\"address\",\"indexed\":true,\"internalType\":\"address\"},{\"name\":\"spender\",\"type\":\"address\",\"indexed\":true,\"internalType\":\"address\"},{\"name\":\"value\",\"type\":\"uint256\",\"indexed\":false,\"internalType\":\"uint256\"}],\"anonymous\":false},{\"type\":\"event\",\"name\":\"EIP712DomainChanged\",\"inputs\":[],\"anonymous\":false},{\"type\":\"event\",\"name\":\"Transfer\",\"inputs\":[{\"name\":\"from\",\"type\":\"address\",\"indexed\":true,\"internalType\":\"address\"},{\"name\":\"to\",\"type\":\"address\",\"indexed\":true,\"internalType\":\"address\"},{\"name\":\"value\",\"type\":\"uint256\",\"indexed\":false,\"internalType\":\"uint256\"}],\"anonymous\":false},{\"type\":\"error\",\"name\":\"ECDSAInvalidSignature\",\"inputs\":[]},{\"type\":\"error\",\"name\":\"ECDSAInvalidSignatureLength\",\"inputs\":[{\"name\":\"length\",\"type\":\"uint256\",\"internalType\":\"uint256\"}]},{\"type\":\"error\",\"name\":\"ECDSAInvalidSignatureS\",\"inputs\":[{\"name\":\"s\",\"type\":\"bytes32\",\"internalType\":\"bytes32\"}]},{\"type\":\"error\",\"name\":\"ERC20InsufficientAllowance\",\"inputs\":[{\"name\":\"spender\",\"type\":\"address\",\"internalType\":\"address\"},{\"name\":\"allowance\",\"type\":\"uint256\",\"internalType\":\"uint256\"},{\"name\":\"needed\",\"type\":\"uint256\",\"internalType\":\"uint256\"}]},{\"type\":\"error\",\"name\":\"ERC20InsufficientBalance\",\"inputs\":[{\"name\":\"sender\",\"type\":\"address\",\"internalType\":\"address\"},{\"name\":\"balance\",\"type\":\"uint256\",\"internalType\":\"uint256\"},{\"name\":\"needed\",\"type\":\"uint256\",\"internalType\":\"uint256\"}]},{\"type\":\"error\",\"name\":\"ERC20InvalidApprover\",\"inputs\":[{\"name\":\"approver\",\"type\":\"address\",\"internalType\":\"address\"}]},{\"type\":\"error\",\"name\":\"ERC20InvalidReceiver\",\"inputs\":[{\"name\":\"receiver\",\"type\":\"address\",\"internalType\":\"address\"}]},{\"type\":\"error\",\"name\":\"ERC20InvalidSender\",\"inputs\":[{\"name\":\"sender\",\"type\":\"address\",\"internalType\":\"address\"}]},{\"type\":\"error\",\"name\":\"ERC20InvalidSpender\",\"inputs\":[{\"name\":\"spender\",\"type\":\"address\",\"internalType\":\"address\"}]},{\"type\":\"error\",\"name\":\"ERC2612ExpiredSignature\",\"inputs\":[{\"name\":\"deadline\",\"type\":\"uint256\",\"internalType\":\"uint256\"}]},{\"type\":\"error\",\"name\":\"ERC2612InvalidSigner\",\"inputs\":[{\"name\":\"signer\",\"type\":\"address\",\"internalType\":\"address\"},{\"name\":\"owner\",\"type\":\"address\",\"internalType\":\"address\"}]},{\"type\":\"error\",\"name\":\"InvalidAccountNonce\",\"inputs\":[{\"name\":\"account\",\"type\":\"address\",\"internalType\":\"address\"},{\"name\":\"currentNonce\",\"type\":\"uint256\",\"internalType\":\"uint256\"}]},{\"type\":\"error\",\"name\":\"InvalidShortString\",\"inputs\":[]},{\"type\":\"error\",\"name\":\"NotMinter\",\"inputs\":[{\"name\":\"caller\",\"type\":\"address\",\"internalType\":\"address\"}]},{\"type\":\"error\",\"name\":\"StringTooLong\",\"inputs\":[{\"name\":\"str\",\"type\":\"string\",\"internalType\":\"string\"}]}]",
	ID:  "CastToken",
	Bin: "0x610180604052348015610010575f5ffd5b506040516119f03803806119f083398101604081905261002f91610415565b6040518060400160405280600781526020016610d85cdd1b995d60ca1b81525080604051806040016040528060018152602001603160f81b8152506040518060400160405280600781526020016610d85cdd1b995d60ca1b8152506040518060400160405280600481526020016310d054d560e21b81525081600390816100b69190610590565b5060046100c38282610590565b5050506100d5826101ea60201b60201c565b610120526100e2816101ea565b61014052815160208084019190912060e052815190820120610100524660a05261016e60e05161010051604080517f8b73c3c69bb8fe3d512ecc4cf759cc79239f7b179b0ffacaa9a75d522b39400f60208201529081019290925260608201524660808201523060a08201525f9060c00160405160208183030381529060405280519060200120905090565b60805250503060c052506001600160a01b038216610160525f5b81518110156101e2576101da8282815181106101a6576101a661064e565b60200260200101515f01518383815181106101c3576101c361064e565b60200260200101516020015161023060201b60201c565b600101610188565b5050506106df565b5f5f829050601f8151111561021d578260405163305a27a960e01b81526004016102149190610662565b60405180910390fd5b805161022882610697565b179392505050565b6001600160a01b0382166102595760405163ec442f0560e01b81525f6004820152602401610214565b6102645f8383610268565b5050565b6001600160a01b038316610292578060025f82825461028791906106ba565b909155506103029050565b6001600160a01b0383165f90815260208190526040902054818110156102e45760405163391434e360e21b81526001600160a01b03851660048201526024810182905260448101839052606401610214565b6001600160a01b0384165f9081526020819052604090209082900390555b6001600160a01b03821661031e5760028054829003905561033c565b6001600160a01b0382165f9081526020819052604090208054820190555b816001600160a01b0316836001600160a01b03167fddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef8360405161038191815260200190565b60405180910390a3505050565b80516001600160a01b03811681146103a4575f5ffd5b919050565b634e487b7160e01b5f52604160045260245ffd5b604080519081016001600160401b03811182821017156103df576103df6103a9565b60405290565b604051601f8201601f191681016001600160401b038111828210171561040d5761040d6103a9565b604052919050565b5f5f60408385031215610426575f5ffd5b61042f8361038e565b60208401519092506001600160401b0381111561044a575f5ffd5b8301601f8101851361045a575f5ffd5b80516001600160401b03811115610473576104736103a9565b61048260208260051b016103e5565b8082825260208201915060208360061b8501019250878311156104a3575f5ffd5b6020840193505b828410156104f357604084890312156104c1575f5ffd5b6104c96103bd565b6104d28561038e565b815260208501516020820152808352506020820191506040840193506104aa565b809450505050509250929050565b600181811c9082168061051557607f821691505b60208210810361053357634e487b7160e01b5f52602260045260245ffd5b50919050565b601f82111561058b578282111561058b57805f5260205f20601f840160051c602085101561056457505f5b90810190601f840160051c035f5b81811015610587575f83820155600101610572565b5050505b505050565b81516001600160401b038111156105a9576105a96103a9565b6105bd816105b78454610501565b84610539565b6020601f8211600181146105ef575f83156105d85750848201515b5f19600385901b1c1916600184901b178455610647565b5f84815260208120601f198516915b8281101561061e57878501518255602094850194600190920191016105fe565b508482101561063b57868401515f19600387901b60f8161c191681555b505060018360011b0184555b5050505050565b634e487b7160e01b5f52603260045260245ffd5b602081525f82518060208401528060208501604085015e5f604082850101526040601f19601f83011684010191505092915050565b80516020808301519190811015610533575f1960209190910360031b1b16919050565b808201808211156106d957634e487b7160e01b5f52601160045260245ffd5b92915050565b60805160a05160c05160e051610100516101205161014051610160516112af6107415f395f8181610117015261039a01525f61099e01525f61097301525f6108c201525f61089a01525f6107f501525f61081f01525f61084901526112af5ff3fe608060405234801561000f575f5ffd5b50600436106100f0575f3560e01c806340c10f191161009357806395d89b411161006357806395d89b4114610235578063a9059cbb1461023d578063d505accf14610250578063dd62ed3e14610263575f5ffd5b806340c10f19146101bd57806370a08231146101d25780637ecebe001461020757806384b0196e1461021a575f5ffd5b806318160ddd116100ce57806318160ddd1461018157806323b872dd14610193578063313ce567146101a65780633644e515146101b5575f5ffd5b806306fdde03146100f45780630754617214610112578063095ea7b31461015e575b5f5ffd5b6100fc6102a8565b6040516101099190610fe0565b60405180910390f35b6101397f000000000000000000000000000000000000000000000000000000000000000081565b60405173ffffffffffffffffffffffffffffffffffffffff9091168152602001610109565b61017161016c366004611021565b610338565b6040519015158152602001610109565b6002545b604051908152602001610109565b6101716101a1366004611049565b610351565b60405160128152602001610109565b610185610374565b6101d06101cb366004611021565b610382565b005b6101856101e0366004611083565b73ffffffffffffffffffffffffffffffffffffffff165f9081526020819052604090205490565b610185610215366004611083565b610406565b610222610430565b604051610109979695949392919061109c565b6100fc61048e565b61017161024b366004611021565b61049d565b6101d061025e36600461115b565b6104aa565b6101856102713660046111c8565b73ffffffffffffffffffffffffffffffffffffffff9182165f90815260016020908152604080832093909416825291909152205490565b6060600380546102b7906111f9565b80601f01602080910402602001604051908101604052809291908181526020018280546102e3906111f9565b801561032e5780601f106103055761010080835404028352916020019161032e565b820191905f5260205f20905b81548152906001019060200180831161031157829003601f168201915b5050505050905090565b5f33610345818585610653565b60019150505b92915050565b5f3361035e858285610665565b610369858585610733565b506001949350505050565b5f61037d6107dc565b905090565b3373ffffffffffffffffffffffffffffffffffffffff7f000000000000000000000000000000000000000000000000000000000000000016146103f8576040517f361c31f20000000000000000000000000000000000000000000000000000000081523360048201526024015b60405180910390fd5b6104028282610912565b5050565b73ffffffffffffffffffffffffffffffffffffffff81165f9081526007602052604081205461034b565b5f6060805f5f5f606061044161096c565b610449610997565b604080515f808252602082019092527f0f000000000000000000000000000000000000000000000000000000000000009b939a50919850469750309650945092509050565b6060600480546102b7906111f9565b5f33610345818585610733565b834211156104e7576040517f62791302000000000000000000000000000000000000000000000000000000008152600481018590526024016103ef565b5f7f6e71edae12b1b97f4d1f60370fef10105fa2faae0126114a169c64845d6126c988888861053f8c73ffffffffffffffffffffffffffffffffffffffff165f90815260076020526040902080546001810190915590565b60408051602081019690965273ffffffffffffffffffffffffffffffffffffffff94851690860152929091166060840152608083015260a082015260c0810186905260e0016040516020818303038152906040528051906020012090505f6105a6826109c2565b90505f6105b582878787610a09565b90508973ffffffffffffffffffffffffffffffffffffffff168173ffffffffffffffffffffffffffffffffffffffff161461063c576040517f4b800e4600000000000000000000000000000000000000000000000000000000815273ffffffffffffffffffffffffffffffffffffffff80831660048301528b1660248201526044016103ef565b6106478a8a8a610653565b50505050505050505050565b6106608383836001610a35565b505050565b73ffffffffffffffffffffffffffffffffffffffff8381165f908152600160209081526040808320938616835292905220547fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff81101561072d578181101561071f576040517ffb8f41b200000000000000000000000000000000000000000000000000000000815273ffffffffffffffffffffffffffffffffffffffff8416600482015260248101829052604481018390526064016103ef565b61072d84848484035f610a35565b50505050565b73ffffffffffffffffffffffffffffffffffffffff8316610782576040517f96c6fd1e0000000000000000000000000000000000000000000000000000000081525f60048201526024016103ef565b73ffffffffffffffffffffffffffffffffffffffff82166107d1576040517fec442f050000000000000000000000000000000000000000000000000000000081525f60048201526024016103ef565b610660838383610b7a565b5f3073ffffffffffffffffffffffffffffffffffffffff7f00000000000000000000000000000000000000000000000000000000000000001614801561084157507f000000000000000000000000000000000000000000000000000000000000000046145b1561086b57507f000000000000000000000000000000000000000000000000000000000000000090565b61037d604080517f8b73c3c69bb8fe3d512ecc4cf759cc79239f7b179b0ffacaa9a75d522b39400f60208201527f0000000000000000000000000000000000000000000000000000000000000000918101919091527f000000000000000000000000000000000000000000000000000000000000000060608201524660808201523060a08201525f9060c00160405160208183030381529060405280519060200120905090565b73ffffffffffffffffffffffffffffffffffffffff8216610961576040517fec442f050000000000000000000000000000000000000000000000000000000081525f60048201526024016103ef565b6104025f8383610b7a565b606061037d7f0000000000000000000000000000000000000000000000000000000000000000610d21565b606061037d7f0000000000000000000000000000000000000000000000000000000000000000610d21565b5f61034b6109ce6107dc565b836040517f19010000000000000000000000000000000000000000000000000000000000008152600281019290925260228201526042902090565b5f5f5f5f610a1988888888610d5e565b925092509250610a298282610e51565b50909695505050505050565b73ffffffffffffffffffffffffffffffffffffffff8416610a84576040517fe602df050000000000000000000000000000000000000000000000000000000081525f60048201526024016103ef565b73ffffffffffffffffffffffffffffffffffffffff8316610ad3576040517f94280d620000000000000000000000000000000000000000000000000000000081525f60048201526024016103ef565b73ffffffffffffffffffffffffffffffffffffffff8085165f908152600160209081526040808320938716835292905220829055801561072d578273ffffffffffffffffffffffffffffffffffffffff168473ffffffffffffffffffffffffffffffffffffffff167f8c5be1e5ebec7d5bd14f71427d1e84f3dd0314c0f7b2291e5b200ac8c7c3b92584604051610b6c91815260200190565b60405180910390a350505050565b73ffffffffffffffffffffffffffffffffffffffff8316610bb1578060025f828254610ba6919061124a565b90915550610c619050565b73ffffffffffffffffffffffffffffffffffffffff83165f9081526020819052604090205481811015610c36576040517fe450d38c00000000000000000000000000000000000000000000000000000000815273ffffffffffffffffffffffffffffffffffffffff8516600482015260248101829052604481018390526064016103ef565b73ffffffffffffffffffffffffffffffffffffffff84165f9081526020819052604090209082900390555b73ffffffffffffffffffffffffffffffffffffffff8216610c8a57600280548290039055610cb5565b73ffffffffffffffffffffffffffffffffffffffff82165f9081526020819052604090208054820190555b8173ffffffffffffffffffffffffffffffffffffffff168373ffffffffffffffffffffffffffffffffffffffff167fddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef83604051610d1491815260200190565b60405180910390a3505050565b60605f610d2d83610f54565b6040805160208082528183019092529192505f91906020820181803683375050509182525060208101929092525090565b5f80807f7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a0841115610d9757505f91506003905082610e47565b604080515f808252602082018084528a905260ff891692820192909252606081018790526080810186905260019060a0016020604051602081039080840390855afa158015610de8573d5f5f3e3d5ffd5b50506040517fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffe0015191505073ffffffffffffffffffffffffffffffffffffffff8116610e3e57505f925060019150829050610e47565b92505f91508190505b9450945094915050565b5f826003811115610e6457610e64611282565b03610e6d575050565b6001826003811115610e8157610e81611282565b03610eb8576040517ff645eedf00000000000000000000000000000000000000000000000000000000815260040160405180910390fd5b6002826003811115610ecc57610ecc611282565b03610f06576040517ffce698f7000000000000000000000000000000000000000000000000000000008152600481018290526024016103ef565b6003826003811115610f1a57610f1a611282565b03610402576040517fd78bce0c000000000000000000000000000000000000000000000000000000008152600481018290526024016103ef565b5f60ff8216601f81111561034b576040517fb3512b0c00000000000000000000000000000000000000000000000000000000815260040160405180910390fd5b5f81518084528060208401602086015e5f6020828601015260207fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffe0601f83011685010191505092915050565b602081525f610ff26020830184610f94565b9392505050565b803573ffffffffffffffffffffffffffffffffffffffff8116811461101c575f5ffd5b919050565b5f5f60408385031215611032575f5ffd5b61103b83610ff9565b946020939093013593505050565b5f5f5f6060848603121561105b575f5ffd5b61106484610ff9565b925061107260208501610ff9565b929592945050506040919091013590565b5f60208284031215611093575f5ffd5b610ff282610ff9565b7fff000000000000000000000000000000000000000000000000000000000000008816815260e060208201525f6110d660e0830189610f94565b82810360408401526110e88189610f94565b6060840188905273ffffffffffffffffffffffffffffffffffffffff8716608085015260a0840186905283810360c0850152845180825260208087019350909101905f5b8181101561114a57835183526020938401939092019160010161112c565b50909b9a5050505050505050505050565b5f5f5f5f5f5f5f60e0888a031215611171575f5ffd5b61117a88610ff9565b965061118860208901610ff9565b95506040880135945060608801359350608088013560ff811681146111ab575f5ffd5b9699959850939692959460a0840135945060c09093013592915050565b5f5f604083850312156111d9575f5ffd5b6111e283610ff9565b91506111f060208401610ff9565b90509250929050565b600181811c9082168061120d57607f821691505b602082108103611244577f4e487b71000000000000000000000000000000000000000000000000000000005f52602260045260245ffd5b50919050565b8082018082111561034b577f4e487b71000000000000000000000000000000000000000000000000000000005f52601160045260245ffd5b7f4e487b71000000000000000000000000000000000000000000000000000000005f52602160045260245ffd",
}

// CastToken is an auto generated Go binding around an Ethereum contract.
type CastToken struct {
	abi abi.ABI
}

// GetABI returns the ABI associated with this contract binding.
func (c *CastToken) GetABI() abi.ABI {
	return c.abi
}

// NewCastToken creates a new instance of CastToken.
func NewCastToken() *CastToken {
	parsed, err := CastTokenMetaData.ParseABI()
	if err != nil {
		panic(errors.New("invalid ABI: " + err.Error()))
	}
	return &CastToken{abi: *parsed}
}

// Instance creates a wrapper for a deployed contract instance at the given address.
// Use this to create the instance object passed to abigen v2 library functions Call, Transact, etc.
func (c *CastToken) Instance(backend bind.ContractBackend, addr common.Address) *bind.BoundContract {
	return bind.NewBoundContract(addr, c.abi, backend, backend, backend)
}

// PackConstructor is the Go binding used to pack the parameters required for
// contract deployment.
//
// Solidity: constructor(address minter_, (address,uint256)[] supply) returns()
func (castToken *CastToken) PackConstructor(minter_ common.Address, supply []CastTokenAllocation) []byte {
	enc, err := castToken.abi.Pack("", minter_, supply)
	if err != nil {
		panic(err)
	}
	return enc
}

// PackDOMAINSEPARATOR is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x3644e515.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function DOMAIN_SEPARATOR() view returns(bytes32)
func (castToken *CastToken) PackDOMAINSEPARATOR() []byte {
	enc, err := castToken.abi.Pack("DOMAIN_SEPARATOR")
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackDOMAINSEPARATOR is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x3644e515.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function DOMAIN_SEPARATOR() view returns(bytes32)
func (castToken *CastToken) TryPackDOMAINSEPARATOR() ([]byte, error) {
	return castToken.abi.Pack("DOMAIN_SEPARATOR")
}

// UnpackDOMAINSEPARATOR is the Go binding that unpacks the parameters returned
// from invoking the contract method with ID 0x3644e515.
//
// Solidity: function DOMAIN_SEPARATOR() view returns(bytes32)
func (castToken *CastToken) UnpackDOMAINSEPARATOR(data []byte) ([32]byte, error) {
	out, err := castToken.abi.Unpack("DOMAIN_SEPARATOR", data)
	if err != nil {
		return *new([32]byte), err
	}
	out0 := *abi.ConvertType(out[0], new([32]byte)).(*[32]byte)
	return out0, nil
}

// PackAllowance is the Go binding used to pack the parameters required for calling
// the contract method with ID 0xdd62ed3e.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function allowance(address owner, address spender) view returns(uint256)
func (castToken *CastToken) PackAllowance(owner common.Address, spender common.Address) []byte {
	enc, err := castToken.abi.Pack("allowance", owner, spender)
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackAllowance is the Go binding used to pack the parameters required for calling
// the contract method with ID 0xdd62ed3e.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function allowance(address owner, address spender) view returns(uint256)
func (castToken *CastToken) TryPackAllowance(owner common.Address, spender common.Address) ([]byte, error) {
	return castToken.abi.Pack("allowance", owner, spender)
}

// UnpackAllowance is the Go binding that unpacks the parameters returned
// from invoking the contract method with ID 0xdd62ed3e.
//
// Solidity: function allowance(address owner, address spender) view returns(uint256)
func (castToken *CastToken) UnpackAllowance(data []byte) (*big.Int, error) {
	out, err := castToken.abi.Unpack("allowance", data)
	if err != nil {
		return new(big.Int), err
	}
	out0 := abi.ConvertType(out[0], new(big.Int)).(*big.Int)
	return out0, nil
}

// PackApprove is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x095ea7b3.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function approve(address spender, uint256 value) returns(bool)
func (castToken *CastToken) PackApprove(spender common.Address, value *big.Int) []byte {
	enc, err := castToken.abi.Pack("approve", spender, value)
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackApprove is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x095ea7b3.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function approve(address spender, uint256 value) returns(bool)
func (castToken *CastToken) TryPackApprove(spender common.Address, value *big.Int) ([]byte, error) {
	return castToken.abi.Pack("approve", spender, value)
}

// UnpackApprove is the Go binding that unpacks the parameters returned
// from invoking the contract method with ID 0x095ea7b3.
//
// Solidity: function approve(address spender, uint256 value) returns(bool)
func (castToken *CastToken) UnpackApprove(data []byte) (bool, error) {
	out, err := castToken.abi.Unpack("approve", data)
	if err != nil {
		return *new(bool), err
	}
	out0 := *abi.ConvertType(out[0], new(bool)).(*bool)
	return out0, nil
}

// PackBalanceOf is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x70a08231.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function balanceOf(address account) view returns(uint256)
func (castToken *CastToken) PackBalanceOf(account common.Address) []byte {
	enc, err := castToken.abi.Pack("balanceOf", account)
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackBalanceOf is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x70a08231.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function balanceOf(address account) view returns(uint256)
func (castToken *CastToken) TryPackBalanceOf(account common.Address) ([]byte, error) {
	return castToken.abi.Pack("balanceOf", account)
}

// UnpackBalanceOf is the Go binding that unpacks the parameters returned
// from invoking the contract method with ID 0x70a08231.
//
// Solidity: function balanceOf(address account) view returns(uint256)
func (castToken *CastToken) UnpackBalanceOf(data []byte) (*big.Int, error) {
	out, err := castToken.abi.Unpack("balanceOf", data)
	if err != nil {
		return new(big.Int), err
	}
	out0 := abi.ConvertType(out[0], new(big.Int)).(*big.Int)
	return out0, nil
}

// PackDecimals is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x313ce567.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function decimals() view returns(uint8)
func (castToken *CastToken) PackDecimals() []byte {
	enc, err := castToken.abi.Pack("decimals")
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackDecimals is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x313ce567.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function decimals() view returns(uint8)
func (castToken *CastToken) TryPackDecimals() ([]byte, error) {
	return castToken.abi.Pack("decimals")
}

// UnpackDecimals is the Go binding that unpacks the parameters returned
// from invoking the contract method with ID 0x313ce567.
//
// Solidity: function decimals() view returns(uint8)
func (castToken *CastToken) UnpackDecimals(data []byte) (uint8, error) {
	out, err := castToken.abi.Unpack("decimals", data)
	if err != nil {
		return *new(uint8), err
	}
	out0 := *abi.ConvertType(out[0], new(uint8)).(*uint8)
	return out0, nil
}

// PackMint is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x40c10f19.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function mint(address account, uint256 amount) returns()
func (castToken *CastToken) PackMint(account common.Address, amount *big.Int) []byte {
	enc, err := castToken.abi.Pack("mint", account, amount)
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackMint is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x40c10f19.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function mint(address account, uint256 amount) returns()
func (castToken *CastToken) TryPackMint(account common.Address, amount *big.Int) ([]byte, error) {
	return castToken.abi.Pack("mint", account, amount)
}

// PackMinter is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x07546172.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function minter() view returns(address)
func (castToken *CastToken) PackMinter() []byte {
	enc, err := castToken.abi.Pack("minter")
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackMinter is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x07546172.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function minter() view returns(address)
func (castToken *CastToken) TryPackMinter() ([]byte, error) {
	return castToken.abi.Pack("minter")
}

// UnpackMinter is the Go binding that unpacks the parameters returned
// from invoking the contract method with ID 0x07546172.
//
// Solidity: function minter() view returns(address)
func (castToken *CastToken) UnpackMinter(data []byte) (common.Address, error) {
	out, err := castToken.abi.Unpack("minter", data)
	if err != nil {
		return *new(common.Address), err
	}
	out0 := *abi.ConvertType(out[0], new(common.Address)).(*common.Address)
	return out0, nil
}

// PackName is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x06fdde03.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function name() view returns(string)
func (castToken *CastToken) PackName() []byte {
	enc, err := castToken.abi.Pack("name")
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackName is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x06fdde03.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function name() view returns(string)
func (castToken *CastToken) TryPackName() ([]byte, error) {
	return castToken.abi.Pack("name")
}

// UnpackName is the Go binding that unpacks the parameters returned
// from invoking the contract method with ID 0x06fdde03.
//
// Solidity: function name() view returns(string)
func (castToken *CastToken) UnpackName(data []byte) (string, error) {
	out, err := castToken.abi.Unpack("name", data)
	if err != nil {
		return *new(string), err
	}
	out0 := *abi.ConvertType(out[0], new(string)).(*string)
	return out0, nil
}

// PackNonces is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x7ecebe00.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function nonces(address owner) view returns(uint256)
func (castToken *CastToken) PackNonces(owner common.Address) []byte {
	enc, err := castToken.abi.Pack("nonces", owner)
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackNonces is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x7ecebe00.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function nonces(address owner) view returns(uint256)
func (castToken *CastToken) TryPackNonces(owner common.Address) ([]byte, error) {
	return castToken.abi.Pack("nonces", owner)
}

// UnpackNonces is the Go binding that unpacks the parameters returned
// from invoking the contract method with ID 0x7ecebe00.
//
// Solidity: function nonces(address owner) view returns(uint256)
func (castToken *CastToken) UnpackNonces(data []byte) (*big.Int, error) {
	out, err := castToken.abi.Unpack("nonces", data)
	if err != nil {
		return new(big.Int), err
	}
	out0 := abi.ConvertType(out[0], new(big.Int)).(*big.Int)
	return out0, nil
}

// PackPermit is the Go binding used to pack the parameters required for calling
// the contract method with ID 0xd505accf.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function permit(address owner, address spender, uint256 value, uint256 deadline, uint8 v, bytes32 r, bytes32 s) returns()
func (castToken *CastToken) PackPermit(owner common.Address, spender common.Address, value *big.Int, deadline *big.Int, v uint8, r [32]byte, s [32]byte) []byte {
	enc, err := castToken.abi.Pack("permit", owner, spender, value, deadline, v, r, s)
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackPermit is the Go binding used to pack the parameters required for calling
// the contract method with ID 0xd505accf.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function permit(address owner, address spender, uint256 value, uint256 deadline, uint8 v, bytes32 r, bytes32 s) returns()
func (castToken *CastToken) TryPackPermit(owner common.Address, spender common.Address, value *big.Int, deadline *big.Int, v uint8, r [32]byte, s [32]byte) ([]byte, error) {
	return castToken.abi.Pack("permit", owner, spender, value, deadline, v, r, s)
}

// PackSymbol is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x95d89b41.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function symbol() view returns(string)
func (castToken *CastToken) PackSymbol() []byte {
	enc, err := castToken.abi.Pack("symbol")
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackSymbol is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x95d89b41.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function symbol() view returns(string)
func (castToken *CastToken) TryPackSymbol() ([]byte, error) {
	return castToken.abi.Pack("symbol")
}

// UnpackSymbol is the Go binding that unpacks the parameters returned
// from invoking the contract method with ID 0x95d89b41.
//
// Solidity: function symbol() view returns(string)
func (castToken *CastToken) UnpackSymbol(data []byte) (string, error) {
	out, err := castToken.abi.Unpack("symbol", data)
	if err != nil {
		return *new(string), err
	}
	out0 := *abi.ConvertType(out[0], new(string)).(*string)
	return out0, nil
}

// PackTotalSupply is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x18160ddd.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function totalSupply() view returns(uint256)
func (castToken *CastToken) PackTotalSupply() []byte {
	enc, err := castToken.abi.Pack("totalSupply")
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackTotalSupply is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x18160ddd.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function totalSupply() view returns(uint256)
func (castToken *CastToken) TryPackTotalSupply() ([]byte, error) {
	return castToken.abi.Pack("totalSupply")
}

// UnpackTotalSupply is the Go binding that unpacks the parameters returned
// from invoking the contract method with ID 0x18160ddd.
//
// Solidity: function totalSupply() view returns(uint256)
func (castToken *CastToken) UnpackTotalSupply(data []byte) (*big.Int, error) {
	out, err := castToken.abi.Unpack("totalSupply", data)
	if err != nil {
		return new(big.Int), err
	}
	out0 := abi.ConvertType(out[0], new(big.Int)).(*big.Int)
	return out0, nil
}

// PackTransfer is the Go binding used to pack the parameters required for calling
// the contract method with ID 0xa9059cbb.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function transfer(address to, uint256 value) returns(bool)
func (castToken *CastToken) PackTransfer(to common.Address, value *big.Int) []byte {
	enc, err := castToken.abi.Pack("transfer", to, value)
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackTransfer is the Go binding used to pack the parameters required for calling
// the contract method with ID 0xa9059cbb.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function transfer(address to, uint256 value) returns(bool)
func (castToken *CastToken) TryPackTransfer(to common.Address, value *big.Int) ([]byte, error) {
	return castToken.abi.Pack("transfer", to, value)
}

// UnpackTransfer is the Go binding that unpacks the parameters returned
// from invoking the contract method with ID 0xa9059cbb.
//
// Solidity: function transfer(address to, uint256 value) returns(bool)
func (castToken *CastToken) UnpackTransfer(data []byte) (bool, error) {
	out, err := castToken.abi.Unpack("transfer", data)
	if err != nil {
		return *new(bool), err
	}
	out0 := *abi.ConvertType(out[0], new(bool)).(*bool)
	return out0, nil
}

// PackTransferFrom is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x23b872dd.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function transferFrom(address from, address to, uint256 value) returns(bool)
func (castToken *CastToken) PackTransferFrom(from common.Address, to common.Address, value *big.Int) []byte {
	enc, err := castToken.abi.Pack("transferFrom", from, to, value)
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackTransferFrom is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x23b872dd.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function transferFrom(address from, address to, uint256 value) returns(bool)
func (castToken *CastToken) TryPackTransferFrom(from common.Address, to common.Address, value *big.Int) ([]byte, error) {
	return castToken.abi.Pack("transferFrom", from, to, value)
}

// UnpackTransferFrom is the Go binding that unpacks the parameters returned
// from invoking the contract method with ID 0x23b872dd.
//
// Solidity: function transferFrom(address from, address to, uint256 value) returns(bool)
func (castToken *CastToken) UnpackTransferFrom(data []byte) (bool, error) {
	out, err := castToken.abi.Unpack("transferFrom", data)
	if err != nil {
		return *new(bool), err
	}
	out0 := *abi.ConvertType(out[0], new(bool)).(*bool)
	return out0, nil
}

// CastTokenApproval represents a Approval event raised by the CastToken contract.
type CastTokenApproval struct {
	Owner   common.Address
	Spender common.Address
	Value   *big.Int
	Raw     *types.Log // Blockchain specific contextual infos
}

const CastTokenApprovalEventName = "Approval"

// ContractEventName returns the user-defined event name.
func (CastTokenApproval) ContractEventName() string {
	return CastTokenApprovalEventName
}

// UnpackApprovalEvent is the Go binding that unpacks the event data emitted
// by contract.
//
// Solidity: event Approval(address indexed owner, address indexed spender, uint256 value)
func (castToken *CastToken) UnpackApprovalEvent(log *types.Log) (*CastTokenApproval, error) {
	event := "Approval"
	if len(log.Topics) == 0 {
		return nil, bind.ErrNoEventSignature
	}
	if log.Topics[0] != castToken.abi.Events[event].ID {
		return nil, bind.ErrEventSignatureMismatch
	}
	out := new(CastTokenApproval)
	if len(log.Data) > 0 {
		if err := castToken.abi.UnpackIntoInterface(out, event, log.Data); err != nil {
			return nil, err
		}
	}
	var indexed abi.Arguments
	for _, arg := range castToken.abi.Events[event].Inputs {
		if arg.Indexed {
			indexed = append(indexed, arg)
		}
	}
	if err := abi.ParseTopics(out, indexed, log.Topics[1:]); err != nil {
		return nil, err
	}
	out.Raw = log
	return out, nil
}

// CastTokenEIP712DomainChanged represents a EIP712DomainChanged event raised by the CastToken contract.
type CastTokenEIP712DomainChanged struct {
	Raw *types.Log // Blockchain specific contextual infos
}

const CastTokenEIP712DomainChangedEventName = "EIP712DomainChanged"

// ContractEventName returns the user-defined event name.
func (CastTokenEIP712DomainChanged) ContractEventName() string {
	return CastTokenEIP712DomainChangedEventName
}

// UnpackEIP712DomainChangedEvent is the Go binding that unpacks the event data emitted
// by contract.
//
// Solidity: event EIP712DomainChanged()
func (castToken *CastToken) UnpackEIP712DomainChangedEvent(log *types.Log) (*CastTokenEIP712DomainChanged, error) {
	event := "EIP712DomainChanged"
	if len(log.Topics) == 0 {
		return nil, bind.ErrNoEventSignature
	}
	if log.Topics[0] != castToken.abi.Events[event].ID {
		return nil, bind.ErrEventSignatureMismatch
	}
	out := new(CastTokenEIP712DomainChanged)
	if len(log.Data) > 0 {
		if err := castToken.abi.UnpackIntoInterface(out, event, log.Data); err != nil {
			return nil, err
		}
	}
	var indexed abi.Arguments
	for _, arg := range castToken.abi.Events[event].Inputs {
		if arg.Indexed {
			indexed = append(indexed, arg)
		}
	}
	if err := abi.ParseTopics(out, indexed, log.Topics[1:]); err != nil {
		return nil, err
	}
	out.Raw = log
	return out, nil
}

// CastTokenTransfer represents a Transfer event raised by the CastToken contract.
type CastTokenTransfer struct {
	From  common.Address
	To    common.Address
	Value *big.Int
	Raw   *types.Log // Blockchain specific contextual infos
}

const CastTokenTransferEventName = "Transfer"

// ContractEventName returns the user-defined event name.
func (CastTokenTransfer) ContractEventName() string {
	return CastTokenTransferEventName
}

// UnpackTransferEvent is the Go binding that unpacks the event data emitted
// by contract.
//
// Solidity: event Transfer(address indexed from, address indexed to, uint256 value)
func (castToken *CastToken) UnpackTransferEvent(log *types.Log) (*CastTokenTransfer, error) {
	event := "Transfer"
	if len(log.Topics) == 0 {
		return nil, bind.ErrNoEventSignature
	}
	if log.Topics[0] != castToken.abi.Events[event].ID {
		return nil, bind.ErrEventSignatureMismatch
	}
	out := new(CastTokenTransfer)
	if len(log.Data) > 0 {
		if err := castToken.abi.UnpackIntoInterface(out, event, log.Data); err != nil {
			return nil, err
		}
	}
	var indexed abi.Arguments
	for _, arg := range castToken.abi.Events[event].Inputs {
		if arg.Indexed {
			indexed = append(indexed, arg)
		}
	}
	if err := abi.ParseTopics(out, indexed, log.Topics[1:]); err != nil {
		return nil, err
	}
	out.Raw = log
	return out, nil
}

// UnpackError attempts to decode the provided error data using user-defined
// error definitions.
func (castToken *CastToken) UnpackError(raw []byte) (any, error) {
	if bytes.Equal(raw[:4], castToken.abi.Errors["ECDSAInvalidSignature"].ID.Bytes()[:4]) {
		return castToken.UnpackECDSAInvalidSignatureError(raw[4:])
	}
	if bytes.Equal(raw[:4], castToken.abi.Errors["ECDSAInvalidSignatureLength"].ID.Bytes()[:4]) {
		return castToken.UnpackECDSAInvalidSignatureLengthError(raw[4:])
	}
	if bytes.Equal(raw[:4], castToken.abi.Errors["ECDSAInvalidSignatureS"].ID.Bytes()[:4]) {
		return castToken.UnpackECDSAInvalidSignatureSError(raw[4:])
	}
	if bytes.Equal(raw[:4], castToken.abi.Errors["ERC20InsufficientAllowance"].ID.Bytes()[:4]) {
		return castToken.UnpackERC20InsufficientAllowanceError(raw[4:])
	}
	if bytes.Equal(raw[:4], castToken.abi.Errors["ERC20InsufficientBalance"].ID.Bytes()[:4]) {
		return castToken.UnpackERC20InsufficientBalanceError(raw[4:])
	}
	if bytes.Equal(raw[:4], castToken.abi.Errors["ERC20InvalidApprover"].ID.Bytes()[:4]) {
		return castToken.UnpackERC20InvalidApproverError(raw[4:])
	}
	if bytes.Equal(raw[:4], castToken.abi.Errors["ERC20InvalidReceiver"].ID.Bytes()[:4]) {
		return castToken.UnpackERC20InvalidReceiverError(raw[4:])
	}
	if bytes.Equal(raw[:4], castToken.abi.Errors["ERC20InvalidSender"].ID.Bytes()[:4]) {
		return castToken.UnpackERC20InvalidSenderError(raw[4:])
	}
	if bytes.Equal(raw[:4], castToken.abi.Errors["ERC20InvalidSpender"].ID.Bytes()[:4]) {
		return castToken.UnpackERC20InvalidSpenderError(raw[4:])
	}
	if bytes.Equal(raw[:4], castToken.abi.Errors["ERC2612ExpiredSignature"].ID.Bytes()[:4]) {
		return castToken.UnpackERC2612ExpiredSignatureError(raw[4:])
	}
	if bytes.Equal(raw[:4], castToken.abi.Errors["ERC2612InvalidSigner"].ID.Bytes()[:4]) {
		return castToken.UnpackERC2612InvalidSignerError(raw[4:])
	}
	if bytes.Equal(raw[:4], castToken.abi.Errors["InvalidAccountNonce"].ID.Bytes()[:4]) {
		return castToken.UnpackInvalidAccountNonceError(raw[4:])
	}
	if bytes.Equal(raw[:4], castToken.abi.Errors["InvalidShortString"].ID.Bytes()[:4]) {
		return castToken.UnpackInvalidShortStringError(raw[4:])
	}
	if bytes.Equal(raw[:4], castToken.abi.Errors["NotMinter"].ID.Bytes()[:4]) {
		return castToken.UnpackNotMinterError(raw[4:])
	}
	if bytes.Equal(raw[:4], castToken.abi.Errors["StringTooLong"].ID.Bytes()[:4]) {
		return castToken.UnpackStringTooLongError(raw[4:])
	}
	return nil, errors.New("Unknown error")
}

// CastTokenECDSAInvalidSignature represents a ECDSAInvalidSignature error raised by the CastToken contract.
type CastTokenECDSAInvalidSignature struct {
}

// ErrorID returns the hash of canonical representation of the error's signature.
//
// Solidity: error ECDSAInvalidSignature()
func CastTokenECDSAInvalidSignatureErrorID() common.Hash {
	return common.HexToHash("0xf645eedf0193584640b6b90cb9477e4c95b98636c148a891d4c0a146dc46e75a")
}

// UnpackECDSAInvalidSignatureError is the Go binding used to decode the provided
// error data into the corresponding Go error struct.
//
// Solidity: error ECDSAInvalidSignature()
func (castToken *CastToken) UnpackECDSAInvalidSignatureError(raw []byte) (*CastTokenECDSAInvalidSignature, error) {
	out := new(CastTokenECDSAInvalidSignature)
	if err := castToken.abi.UnpackIntoInterface(out, "ECDSAInvalidSignature", raw); err != nil {
		return nil, err
	}
	return out, nil
}

// CastTokenECDSAInvalidSignatureLength represents a ECDSAInvalidSignatureLength error raised by the CastToken contract.
type CastTokenECDSAInvalidSignatureLength struct {
	Length *big.Int
}

// ErrorID returns the hash of canonical representation of the error's signature.
//
// Solidity: error ECDSAInvalidSignatureLength(uint256 length)
func CastTokenECDSAInvalidSignatureLengthErrorID() common.Hash {
	return common.HexToHash("0xfce698f7e8e5342cd615f641317bc45fe7e1e4a8b0a14dd1383ff8dc9c41917f")
}

// UnpackECDSAInvalidSignatureLengthError is the Go binding used to decode the provided
// error data into the corresponding Go error struct.
//
// Solidity: error ECDSAInvalidSignatureLength(uint256 length)
func (castToken *CastToken) UnpackECDSAInvalidSignatureLengthError(raw []byte) (*CastTokenECDSAInvalidSignatureLength, error) {
	out := new(CastTokenECDSAInvalidSignatureLength)
	if err := castToken.abi.UnpackIntoInterface(out, "ECDSAInvalidSignatureLength", raw); err != nil {
		return nil, err
	}
	return out, nil
}

// CastTokenECDSAInvalidSignatureS represents a ECDSAInvalidSignatureS error raised by the CastToken contract.
type CastTokenECDSAInvalidSignatureS struct {
	S [32]byte
}

// ErrorID returns the hash of canonical representation of the error's signature.
//
// Solidity: error ECDSAInvalidSignatureS(bytes32 s)
func CastTokenECDSAInvalidSignatureSErrorID() common.Hash {
	return common.HexToHash("0xd78bce0cccb935155ed6428d1c13e50b7f3550fd2b66b9fe266006fea4a5e1eb")
}

// UnpackECDSAInvalidSignatureSError is the Go binding used to decode the provided
// error data into the corresponding Go error struct.
//
// Solidity: error ECDSAInvalidSignatureS(bytes32 s)
func (castToken *CastToken) UnpackECDSAInvalidSignatureSError(raw []byte) (*CastTokenECDSAInvalidSignatureS, error) {
	out := new(CastTokenECDSAInvalidSignatureS)
	if err := castToken.abi.UnpackIntoInterface(out, "ECDSAInvalidSignatureS", raw); err != nil {
		return nil, err
	}
	return out, nil
}

// CastTokenERC20InsufficientAllowance represents a ERC20InsufficientAllowance error raised by the CastToken contract.
type CastTokenERC20InsufficientAllowance struct {
	Spender   common.Address
	Allowance *big.Int
	Needed    *big.Int
}

// ErrorID returns the hash of canonical representation of the error's signature.
//
// Solidity: error ERC20InsufficientAllowance(address spender, uint256 allowance, uint256 needed)
func CastTokenERC20InsufficientAllowanceErrorID() common.Hash {
	return common.HexToHash("0xfb8f41b23e99d2101d86da76cdfa87dd51c82ed07d3cb62cbc473e469dbc75c3")
}

// UnpackERC20InsufficientAllowanceError is the Go binding used to decode the provided
// error data into the corresponding Go error struct.
//
// Solidity: error ERC20InsufficientAllowance(address spender, uint256 allowance, uint256 needed)
func (castToken *CastToken) UnpackERC20InsufficientAllowanceError(raw []byte) (*CastTokenERC20InsufficientAllowance, error) {
	out := new(CastTokenERC20InsufficientAllowance)
	if err := castToken.abi.UnpackIntoInterface(out, "ERC20InsufficientAllowance", raw); err != nil {
		return nil, err
	}
	return out, nil
}

// CastTokenERC20InsufficientBalance represents a ERC20InsufficientBalance error raised by the CastToken contract.
type CastTokenERC20InsufficientBalance struct {
	Sender  common.Address
	Balance *big.Int
	Needed  *big.Int
}

// ErrorID returns the hash of canonical representation of the error's signature.
//
// Solidity: error ERC20InsufficientBalance(address sender, uint256 balance, uint256 needed)
func CastTokenERC20InsufficientBalanceErrorID() common.Hash {
	return common.HexToHash("0xe450d38cd8d9f7d95077d567d60ed49c7254716e6ad08fc9872816c97e0ffec6")
}

// UnpackERC20InsufficientBalanceError is the Go binding used to decode the provided
// error data into the corresponding Go error struct.
//
// Solidity: error ERC20InsufficientBalance(address sender, uint256 balance, uint256 needed)
func (castToken *CastToken) UnpackERC20InsufficientBalanceError(raw []byte) (*CastTokenERC20InsufficientBalance, error) {
	out := new(CastTokenERC20InsufficientBalance)
	if err := castToken.abi.UnpackIntoInterface(out, "ERC20InsufficientBalance", raw); err != nil {
		return nil, err
	}
	return out, nil
}

// CastTokenERC20InvalidApprover represents a ERC20InvalidApprover error raised by the CastToken contract.
type CastTokenERC20InvalidApprover struct {
	Approver common.Address
}

// ErrorID returns the hash of canonical representation of the error's signature.
//
// Solidity: error ERC20InvalidApprover(address approver)
func CastTokenERC20InvalidApproverErrorID() common.Hash {
	return common.HexToHash("0xe602df05cc75712490294c6c104ab7c17f4030363910a7a2626411c6d3118847")
}

// UnpackERC20InvalidApproverError is the Go binding used to decode the provided
// error data into the corresponding Go error struct.
//
// Solidity: error ERC20InvalidApprover(address approver)
func (castToken *CastToken) UnpackERC20InvalidApproverError(raw []byte) (*CastTokenERC20InvalidApprover, error) {
	out := new(CastTokenERC20InvalidApprover)
	if err := castToken.abi.UnpackIntoInterface(out, "ERC20InvalidApprover", raw); err != nil {
		return nil, err
	}
	return out, nil
}

// CastTokenERC20InvalidReceiver represents a ERC20InvalidReceiver error raised by the CastToken contract.
type CastTokenERC20InvalidReceiver struct {
	Receiver common.Address
}

// ErrorID returns the hash of canonical representation of the error's signature.
//
// Solidity: error ERC20InvalidReceiver(address receiver)
func CastTokenERC20InvalidReceiverErrorID() common.Hash {
	return common.HexToHash("0xec442f055133b72f3b2f9f0bb351c406b178527de2040a7d1feb4e058771f613")
}

// UnpackERC20InvalidReceiverError is the Go binding used to decode the provided
// error data into the corresponding Go error struct.
//
// Solidity: error ERC20InvalidReceiver(address receiver)
func (castToken *CastToken) UnpackERC20InvalidReceiverError(raw []byte) (*CastTokenERC20InvalidReceiver, error) {
	out := new(CastTokenERC20InvalidReceiver)
	if err := castToken.abi.UnpackIntoInterface(out, "ERC20InvalidReceiver", raw); err != nil {
		return nil, err
	}
	return out, nil
}

// CastTokenERC20InvalidSender represents a ERC20InvalidSender error raised by the CastToken contract.
type CastTokenERC20InvalidSender struct {
	Sender common.Address
}

// ErrorID returns the hash of canonical representation of the error's signature.
//
// Solidity: error ERC20InvalidSender(address sender)
func CastTokenERC20InvalidSenderErrorID() common.Hash {
	return common.HexToHash("0x96c6fd1edd0cd6ef7ff0ecc0facdf53148dc0048b57fe58af65755250a7a96bd")
}

// UnpackERC20InvalidSenderError is the Go binding used to decode the provided
// error data into the corresponding Go error struct.
//
// Solidity: error ERC20InvalidSender(address sender)
func (castToken *CastToken) UnpackERC20InvalidSenderError(raw []byte) (*CastTokenERC20InvalidSender, error) {
	out := new(CastTokenERC20InvalidSender)
	if err := castToken.abi.UnpackIntoInterface(out, "ERC20InvalidSender", raw); err != nil {
		return nil, err
	}
	return out, nil
}

// CastTokenERC20InvalidSpender represents a ERC20InvalidSpender error raised by the CastToken contract.
type CastTokenERC20InvalidSpender struct {
	Spender common.Address
}

// ErrorID returns the hash of canonical representation of the error's signature.
//
// Solidity: error ERC20InvalidSpender(address spender)
func CastTokenERC20InvalidSpenderErrorID() common.Hash {
	return common.HexToHash("0x94280d62c347d8d9f4d59a76ea321452406db88df38e0c9da304f58b57b373a2")
}

// UnpackERC20InvalidSpenderError is the Go binding used to decode the provided
// error data into the corresponding Go error struct.
//
// Solidity: error ERC20InvalidSpender(address spender)
func (castToken *CastToken) UnpackERC20InvalidSpenderError(raw []byte) (*CastTokenERC20InvalidSpender, error) {
	out := new(CastTokenERC20InvalidSpender)
	if err := castToken.abi.UnpackIntoInterface(out, "ERC20InvalidSpender", raw); err != nil {
		return nil, err
	}
	return out, nil
}

// CastTokenERC2612ExpiredSignature represents a ERC2612ExpiredSignature error raised by the CastToken contract.
type CastTokenERC2612ExpiredSignature struct {
	Deadline *big.Int
}

// ErrorID returns the hash of canonical representation of the error's signature.
//
// Solidity: error ERC2612ExpiredSignature(uint256 deadline)
func CastTokenERC2612ExpiredSignatureErrorID() common.Hash {
	return common.HexToHash("0x627913023c184eaad13735d5a3d2657ae76ec9a872a70e0fc57522ef1a114d58")
}

// UnpackERC2612ExpiredSignatureError is the Go binding used to decode the provided
// error data into the corresponding Go error struct.
//
// Solidity: error ERC2612ExpiredSignature(uint256 deadline)
func (castToken *CastToken) UnpackERC2612ExpiredSignatureError(raw []byte) (*CastTokenERC2612ExpiredSignature, error) {
	out := new(CastTokenERC2612ExpiredSignature)
	if err := castToken.abi.UnpackIntoInterface(out, "ERC2612ExpiredSignature", raw); err != nil {
		return nil, err
	}
	return out, nil
}

// CastTokenERC2612InvalidSigner represents a ERC2612InvalidSigner error raised by the CastToken contract.
type CastTokenERC2612InvalidSigner struct {
	Signer common.Address
	Owner  common.Address
}

// ErrorID returns the hash of canonical representation of the error's signature.
//
// Solidity: error ERC2612InvalidSigner(address signer, address owner)
func CastTokenERC2612InvalidSignerErrorID() common.Hash {
	return common.HexToHash("0x4b800e463b323b1d856edf9dec70329a639d13874a57f5c28219ff57128756db")
}

// UnpackERC2612InvalidSignerError is the Go binding used to decode the provided
// error data into the corresponding Go error struct.
//
// Solidity: error ERC2612InvalidSigner(address signer, address owner)
func (castToken *CastToken) UnpackERC2612InvalidSignerError(raw []byte) (*CastTokenERC2612InvalidSigner, error) {
	out := new(CastTokenERC2612InvalidSigner)
	if err := castToken.abi.UnpackIntoInterface(out, "ERC2612InvalidSigner", raw); err != nil {
		return nil, err
	}
	return out, nil
}

// CastTokenInvalidAccountNonce represents a InvalidAccountNonce error raised by the CastToken contract.
type CastTokenInvalidAccountNonce struct {
	Account      common.Address
	CurrentNonce *big.Int
}

// ErrorID returns the hash of canonical representation of the error's signature.
//
// Solidity: error InvalidAccountNonce(address account, uint256 currentNonce)
func CastTokenInvalidAccountNonceErrorID() common.Hash {
	return common.HexToHash("0x752d88c0de02638abf10e8e31861e4c68dc1f3a1e7d840e580683f2c282bfc7a")
}

// UnpackInvalidAccountNonceError is the Go binding used to decode the provided
// error data into the corresponding Go error struct.
//
// Solidity: error InvalidAccountNonce(address account, uint256 currentNonce)
func (castToken *CastToken) UnpackInvalidAccountNonceError(raw []byte) (*CastTokenInvalidAccountNonce, error) {
	out := new(CastTokenInvalidAccountNonce)
	if err := castToken.abi.UnpackIntoInterface(out, "InvalidAccountNonce", raw); err != nil {
		return nil, err
	}
	return out, nil
}

// CastTokenInvalidShortString represents a InvalidShortString error raised by the CastToken contract.
type CastTokenInvalidShortString struct {
}

// ErrorID returns the hash of canonical representation of the error's signature.
//
// Solidity: error InvalidShortString()
func CastTokenInvalidShortStringErrorID() common.Hash {
	return common.HexToHash("0xb3512b0c6163e5f0bafab72bb631b9d58cd7a731b082f910338aa21c83d5c274")
}

// UnpackInvalidShortStringError is the Go binding used to decode the provided
// error data into the corresponding Go error struct.
//
// Solidity: error InvalidShortString()
func (castToken *CastToken) UnpackInvalidShortStringError(raw []byte) (*CastTokenInvalidShortString, error) {
	out := new(CastTokenInvalidShortString)
	if err := castToken.abi.UnpackIntoInterface(out, "InvalidShortString", raw); err != nil {
		return nil, err
	}
	return out, nil
}

// CastTokenNotMinter represents a NotMinter error raised by the CastToken contract.
type CastTokenNotMinter struct {
	Caller common.Address
}

// ErrorID returns the hash of canonical representation of the error's signature.
//
// Solidity: error NotMinter(address caller)
func CastTokenNotMinterErrorID() common.Hash {
	return common.HexToHash("0x361c31f27e729a8322ec0a67a437cd1a685fbc0124c358ce2bac49ea8a779111")
}

// UnpackNotMinterError is the Go binding used to decode the provided
// error data into the corresponding Go error struct.
//
// Solidity: error NotMinter(address caller)
func (castToken *CastToken) UnpackNotMinterError(raw []byte) (*CastTokenNotMinter, error) {
	out := new(CastTokenNotMinter)
	if err := castToken.abi.UnpackIntoInterface(out, "NotMinter", raw); err != nil {
		return nil, err
	}
	return out, nil
}

// CastTokenStringTooLong represents a StringTooLong error raised by the CastToken contract.
type CastTokenStringTooLong struct {
	Str string
}

// ErrorID returns the hash of canonical representation of the error's signature.
//
// Solidity: error StringTooLong(string str)
func CastTokenStringTooLongErrorID() common.Hash {
	return common.HexToHash("0x305a27a93f8e33b7392df0a0f91d6fc63847395853c45991eec52dbf24d72381")
}

// UnpackStringTooLongError is the Go binding used to decode the provided
// error data into the corresponding Go error struct.
//
// Solidity: error StringTooLong(string str)
func (castToken *CastToken) UnpackStringTooLongError(raw []byte) (*CastTokenStringTooLong, error) {
	out := new(CastTokenStringTooLong)
	if err := castToken.abi.UnpackIntoInterface(out, "StringTooLong", raw); err != nil {
		return nil, err
	}
	return out, nil
}

// RoundsMetaData contains all meta data concerning the Rounds contract.
var RoundsMetaData = bind.MetaData{
	ABI: "[{\"type\":\"constructor\",\"inputs\":[{\"name\":\"token_\",\"type\":\"address\",\"internalType\":\"contractCastToken\"},{\"name\":\"staking_\",\"type\":\"address\",\"internalType\":\"address\"},{\"name\":\"roundLength_\",\"type\":\"uint64\",\"internalType\":\"uint64\"},{\"name\":\"emissionPpb_\",\"type\":\"uint32\",\"internalType\":\"uint32\"}],\"stateMutability\":\"nonpayable\"},{\"type\":\"function\",\"name\":\"PPB\",\"inputs\":[],\"outputs\":[{\"name\":\"\",\"type\":\"uint256\",\"internalType\":\"uint256\"}],\"stateMutability\":\"view\"},{\"type\":\"function\",\"name\":\"beacon\",\"inputs\":[{\"name\":\"round\",\"type\":\"uint64\",\"internalType\":\"uint64\"}],\"outputs\":[{\"name\":\"value\",\"type\":\"bytes32\",\"internalType\":\"bytes32\"},{\"name\":\"recorded\",\"type\":\"bool\",\"internalType\":\"bool\"}],\"stateMutability\":\"view\"},{\"type\":\"function\",\"name\":\"current\",\"inputs\":[],\"outputs\":[{\"name\":\"round\",\"type\":\"uint64\",\"internalType\":\"uint64\"},{\"name\":\"start\",\"type\":\"uint64\",\"internalType\":\"uint64\"},{\"name\":\"end\",\"type\":\"uint64\",\"internalType\":\"uint64\"},{\"name\":\"value\",\"type\":\"bytes32\",\"internalType\":\"bytes32\"},{\"name\":\"recorded\",\"type\":\"bool\",\"internalType\":\"bool\"}],\"stateMutability\":\"view\"},{\"type\":\"function\",\"name\":\"currentRound\",\"inputs\":[],\"outputs\":[{\"name\":\"\",\"type\":\"uint64\",\"internalType\":\"uint64\"}],\"stateMutability\":\"view\"},{\"type\":\"function\",\"name\":\"emission\",\"inputs\":[{\"name\":\"round\",\"type\":\"uint64\",\"internalType\":\"uint64\"}],\"outputs\":[{\"name\":\"mintable\",\"type\":\"uint256\",\"internalType\":\"uint256\"},{\"name\":\"minted\",\"type\":\"uint256\",\"internalType\":\"uint256\"}],\"stateMutability\":\"view\"},{\"type\":\"function\",\"name\":\"emissionPpb\",\"inputs\":[],\"outputs\":[{\"name\":\"\",\"type\":\"uint32\",\"internalType\":\"uint32\"}],\"stateMutability\":\"view\"},{\"type\":\"function\",\"name\":\"genesis\",\"inputs\":[],\"outputs\":[{\"name\":\"\",\"type\":\"uint64\",\"internalType\":\"uint64\"}],\"stateMutability\":\"view\"},{\"type\":\"function\",\"name\":\"lastTouched\",\"inputs\":[],\"outputs\":[{\"name\":\"\",\"type\":\"uint64\",\"internalType\":\"uint64\"}],\"stateMutability\":\"view\"},{\"type\":\"function\",\"name\":\"mintReward\",\"inputs\":[{\"name\":\"stake\",\"type\":\"uint256\",\"internalType\":\"uint256\"},{\"name\":\"activeStake\",\"type\":\"uint256\",\"internalType\":\"uint256\"}],\"outputs\":[{\"name\":\"amount\",\"type\":\"uint256\",\"internalType\":\"uint256\"}],\"stateMutability\":\"nonpayable\"},{\"type\":\"function\",\"name\":\"roundLength\",\"inputs\":[],\"outputs\":[{\"name\":\"\",\"type\":\"uint64\",\"internalType\":\"uint64\"}],\"stateMutability\":\"view\"},{\"type\":\"function\",\"name\":\"roundStart\",\"inputs\":[{\"name\":\"round\",\"type\":\"uint64\",\"internalType\":\"uint64\"}],\"outputs\":[{\"name\":\"\",\"type\":\"uint64\",\"internalType\":\"uint64\"}],\"stateMutability\":\"view\"},{\"type\":\"function\",\"name\":\"staking\",\"inputs\":[],\"outputs\":[{\"name\":\"\",\"type\":\"address\",\"internalType\":\"address\"}],\"stateMutability\":\"view\"},{\"type\":\"function\",\"name\":\"token\",\"inputs\":[],\"outputs\":[{\"name\":\"\",\"type\":\"address\",\"internalType\":\"contractCastToken\"}],\"stateMutability\":\"view\"},{\"type\":\"function\",\"name\":\"touch\",\"inputs\":[],\"outputs\":[{\"name\":\"round\",\"type\":\"uint64\",\"internalType\":\"uint64\"}],\"stateMutability\":\"nonpayable\"},{\"type\":\"event\",\"name\":\"RewardMinted\",\"inputs\":[{\"name\":\"round\",\"type\":\"uint64\",\"indexed\":true,\"internalType\":\"uint64\"},{\"name\":\"amount\",\"type\":\"uint256\",\"indexed\":false,\"internalType\":\"uint256\"}],\"anonymous\":false},{\"type\":\"event\",\"name\":\"RoundTouched\",\"inputs\":[{\"name\":\"round\",\"type\":\"uint64\",\"indexed\":true,\"internalType\":\"uint64\"},{\"name\":\"beacon\",\"type\":\"bytes32\",\"indexed\":false,\"internalType\":\"bytes32\"},{\"name\":\"emission\",\"type\":\"uint256\",\"indexed\":false,\"internalType\":\"uint256\"}],\"anonymous\":false},{\"type\":\"error\",\"name\":\"FutureRound\",\"inputs\":[{\"name\":\"round\",\"type\":\"uint64\",\"internalType\":\"uint64\"}]},{\"type\":\"error\",\"name\":\"NotStaking\",\"inputs\":[{\"name\":\"caller\",\"type\":\"address\",\"internalType\":\"address\"}]},{\"type\":\"error\",\"name\":\"ZeroRoundLength\",\"inputs\":[]}]",
	ID:  "Rounds",
	Bin: "0x610120604052348015610010575f5ffd5b506040516111eb3803806111eb83398101604081905261002f9161032a565b816001600160401b03165f036100585760405163436ecdfb60e11b815260040160405180910390fd5b6001600160a01b0380851660e0528316610100526001600160401b0380831660a05263ffffffff821660c05242166080526100925f61009b565b505050506103e9565b5f80546001600160401b0316815260016020819052604082205490839044906100c49043610399565b6040805160208101959095526001600160401b0390931692840192909252606083015240608082015260a0016040516020818303038152906040528051906020012090505f61018160e0516001600160a01b03166318160ddd6040518163ffffffff1660e01b8152600401602060405180830381865afa15801561014a573d5f5f3e3d5ffd5b505050506040513d601f19601f8201168201806040525081019061016e91906103be565b60c05163ffffffff16633b9aca00610235565b604080516060810182528481526001600160801b0380841660208084019182525f8486018181526001600160401b038b1680835260019384905287832096518755935190518516600160801b0294169390931793019290925580546001600160401b031916821790559051919250907f964f4623d41040da159762d957306a29ae0fcc28259b387bbb477d0fb8c14cd8906102289085908590918252602082015260400190565b60405180910390a2505050565b5f808061024286866102e6565b91509150815f036102665783818161025c5761025c6103d5565b04925050506102df565b81841161027d5761027d6003851502601118610302565b5f848688095f868103871696879004966002600389028118808a02820302808a02820302808a02820302808a02820302808a02820302808a02909103029181900381900460010185841190960395909502919093039390930492909217029150505b9392505050565b5f805f1983850993909202808410938190039390930393915050565b634e487b715f52806020526024601cfd5b6001600160a01b0381168114610327575f5ffd5b50565b5f5f5f5f6080858703121561033d575f5ffd5b845161034881610313565b602086015190945061035981610313565b60408601519093506001600160401b0381168114610375575f5ffd5b606086015190925063ffffffff8116811461038e575f5ffd5b939692955090935050565b818103818111156103b857634e487b7160e01b5f52601160045260245ffd5b92915050565b5f602082840312156103ce575f5ffd5b5051919050565b634e487b7160e01b5f52601260045260245ffd5b60805160a05160c05160e05161010051610d7f61046c5f395f81816101ad01528181610356015261053b01525f81816102df0152818161056a015261097a01525f81816103060152610a0701525f8181610214015281816105d10152818161062301526107d101525f81816102ad015281816105fc01526106470152610d7f5ff3fe608060405234801561000f575f5ffd5b50600436106100e5575f3560e01c8063989a331711610088578063a7f0b3de11610063578063a7f0b3de146102a8578063f96859cf146102cf578063fc0c546a146102da578063fcd4f32a14610301575f5ffd5b8063989a3317146102365780639fa6a6e31461025e578063a55526db146102a0575f5ffd5b80634cf088d9116100c35780634cf088d9146101a85780638a19c8bc146101f45780638b4eed81146101fc5780638b649b941461020f575f5ffd5b80630e6602fb146100e95780631a4fef061461010f578063241163e11461017c575b5f5ffd5b6100fc6100f7366004610b65565b61033d565b6040519081526020015b60405180910390f35b61016761011d366004610b85565b67ffffffffffffffff165f90815260016020819052604090912001546fffffffffffffffffffffffffffffffff808216927001000000000000000000000000000000009092041690565b60408051928352602083019190915201610106565b61018f61018a366004610b85565b6105cb565b60405167ffffffffffffffff9091168152602001610106565b6101cf7f000000000000000000000000000000000000000000000000000000000000000081565b60405173ffffffffffffffffffffffffffffffffffffffff9091168152602001610106565b61018f610620565b5f5461018f9067ffffffffffffffff1681565b61018f7f000000000000000000000000000000000000000000000000000000000000000081565b610249610244366004610b85565b61067b565b60408051928352901515602083015201610106565b6102666107b2565b6040805167ffffffffffffffff9687168152948616602086015292909416918301919091526060820152901515608082015260a001610106565b61018f61080f565b61018f7f000000000000000000000000000000000000000000000000000000000000000081565b6100fc633b9aca0081565b6101cf7f000000000000000000000000000000000000000000000000000000000000000081565b6103287f000000000000000000000000000000000000000000000000000000000000000081565b60405163ffffffff9091168152602001610106565b5f3373ffffffffffffffffffffffffffffffffffffffff7f000000000000000000000000000000000000000000000000000000000000000016146103b4576040517f77b081520000000000000000000000000000000000000000000000000000000081523360048201526024015b60405180910390fd5b5f6103bd61080f565b9050825f036103cf575f9150506105c5565b67ffffffffffffffff81165f908152600160208190526040822090810154909190610422906fffffffffffffffffffffffffffffffff700100000000000000000000000000000000820481169116610bd9565b60018301546fffffffffffffffffffffffffffffffff91821692506104539161044d91168888610845565b826108f6565b9350838260010160108282829054906101000a90046fffffffffffffffffffffffffffffffff166104849190610c01565b92506101000a8154816fffffffffffffffffffffffffffffffff02191690836fffffffffffffffffffffffffffffffff1602179055508267ffffffffffffffff167f2ce2747e758a205a87be260f58b55c110eb367916a12659cce712bbe87db3159856040516104f691815260200190565b60405180910390a26040517f40c10f1900000000000000000000000000000000000000000000000000000000815273ffffffffffffffffffffffffffffffffffffffff7f000000000000000000000000000000000000000000000000000000000000000081166004830152602482018690527f000000000000000000000000000000000000000000000000000000000000000016906340c10f19906044015f604051808303815f87803b1580156105ab575f5ffd5b505af11580156105bd573d5f5f3e3d5ffd5b505050505050505b92915050565b5f6105f67f000000000000000000000000000000000000000000000000000000000000000083610c29565b6105c5907f0000000000000000000000000000000000000000000000000000000000000000610c53565b5f7f000000000000000000000000000000000000000000000000000000000000000061066c7f000000000000000000000000000000000000000000000000000000000000000042610c73565b6106769190610cc0565b905090565b5f5f610685610620565b67ffffffffffffffff168367ffffffffffffffff1611156106de576040517f222f65d300000000000000000000000000000000000000000000000000000000815267ffffffffffffffff841660048201526024016103ab565b67ffffffffffffffff83165f908152600160205260409020549150811561070757509160019150565b5f805467ffffffffffffffff908116908516116107245783610731565b5f5467ffffffffffffffff165b90505b67ffffffffffffffff81165f9081526001602052604081205490036107635761075c81610d14565b9050610734565b67ffffffffffffffff8181165f908152600160209081526040918290205482519182015291861690820152606001604051602081830303815290604052805190602001205f9250925050915091565b5f5f5f5f5f6107bf610620565b94506107ca856105cb565b93506107f67f000000000000000000000000000000000000000000000000000000000000000085610c53565b92506108018561067b565b959694959394909392509050565b5f610818610620565b67ffffffffffffffff81165f90815260016020526040812054919250036108425761084281610905565b90565b5f5f5f6108528686610b19565b91509150815f036108765783818161086c5761086c610c93565b04925050506108ef565b81841161088d5761088d6003851502601118610b54565b5f848688095f868103871696879004966002600389028118808a02820302808a02820302808a02820302808a02820302808a02820302808a02909103029181900381900460010185841190960395909502919093039390930492909217029150505b9392505050565b5f8282188284100282186108ef565b5f805467ffffffffffffffff168152600160208190526040822054908390449061092f9043610d55565b60408051602081019590955267ffffffffffffffff90931692840192909252606083015240608082015260a0016040516020818303038152906040528051906020012090505f610a367f000000000000000000000000000000000000000000000000000000000000000073ffffffffffffffffffffffffffffffffffffffff166318160ddd6040518163ffffffff1660e01b8152600401602060405180830381865afa1580156109e1573d5f5f3e3d5ffd5b505050506040513d601f19601f82011682018060405250810190610a059190610d68565b7f000000000000000000000000000000000000000000000000000000000000000063ffffffff16633b9aca00610845565b604080516060810182528481526fffffffffffffffffffffffffffffffff80841660208084019182525f84860181815267ffffffffffffffff8b16808352600193849052878320965187559351905185167001000000000000000000000000000000000294169390931793019290925580547fffffffffffffffffffffffffffffffffffffffffffffffff000000000000000016821790559051919250907f964f4623d41040da159762d957306a29ae0fcc28259b387bbb477d0fb8c14cd890610b0c9085908590918252602082015260400190565b60405180910390a2505050565b5f807fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff83850993909202808410938190039390930393915050565b634e487b715f52806020526024601cfd5b5f5f60408385031215610b76575f5ffd5b50508035926020909101359150565b5f60208284031215610b95575f5ffd5b813567ffffffffffffffff811681146108ef575f5ffd5b7f4e487b71000000000000000000000000000000000000000000000000000000005f52601160045260245ffd5b6fffffffffffffffffffffffffffffffff82811682821603908111156105c5576105c5610bac565b6fffffffffffffffffffffffffffffffff81811683821601908111156105c5576105c5610bac565b67ffffffffffffffff8181168382160290811690818114610c4c57610c4c610bac565b5092915050565b67ffffffffffffffff81811683821601908111156105c5576105c5610bac565b67ffffffffffffffff82811682821603908111156105c5576105c5610bac565b7f4e487b71000000000000000000000000000000000000000000000000000000005f52601260045260245ffd5b5f67ffffffffffffffff831680610cfe577f4e487b71000000000000000000000000000000000000000000000000000000005f52601260045260245ffd5b8067ffffffffffffffff84160491505092915050565b5f67ffffffffffffffff821680610d2d57610d2d610bac565b7fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff0192915050565b818103818111156105c5576105c5610bac565b5f60208284031215610d78575f5ffd5b505191905056",
}

// Rounds is an auto generated Go binding around an Ethereum contract.
type Rounds struct {
	abi abi.ABI
}

// GetABI returns the ABI associated with this contract binding.
func (c *Rounds) GetABI() abi.ABI {
	return c.abi
}

// NewRounds creates a new instance of Rounds.
func NewRounds() *Rounds {
	parsed, err := RoundsMetaData.ParseABI()
	if err != nil {
		panic(errors.New("invalid ABI: " + err.Error()))
	}
	return &Rounds{abi: *parsed}
}

// Instance creates a wrapper for a deployed contract instance at the given address.
// Use this to create the instance object passed to abigen v2 library functions Call, Transact, etc.
func (c *Rounds) Instance(backend bind.ContractBackend, addr common.Address) *bind.BoundContract {
	return bind.NewBoundContract(addr, c.abi, backend, backend, backend)
}

// PackConstructor is the Go binding used to pack the parameters required for
// contract deployment.
//
// Solidity: constructor(address token_, address staking_, uint64 roundLength_, uint32 emissionPpb_) returns()
func (rounds *Rounds) PackConstructor(token_ common.Address, staking_ common.Address, roundLength_ uint64, emissionPpb_ uint32) []byte {
	enc, err := rounds.abi.Pack("", token_, staking_, roundLength_, emissionPpb_)
	if err != nil {
		panic(err)
	}
	return enc
}

// PackPPB is the Go binding used to pack the parameters required for calling
// the contract method with ID 0xf96859cf.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function PPB() view returns(uint256)
func (rounds *Rounds) PackPPB() []byte {
	enc, err := rounds.abi.Pack("PPB")
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackPPB is the Go binding used to pack the parameters required for calling
// the contract method with ID 0xf96859cf.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function PPB() view returns(uint256)
func (rounds *Rounds) TryPackPPB() ([]byte, error) {
	return rounds.abi.Pack("PPB")
}

// UnpackPPB is the Go binding that unpacks the parameters returned
// from invoking the contract method with ID 0xf96859cf.
//
// Solidity: function PPB() view returns(uint256)
func (rounds *Rounds) UnpackPPB(data []byte) (*big.Int, error) {
	out, err := rounds.abi.Unpack("PPB", data)
	if err != nil {
		return new(big.Int), err
	}
	out0 := abi.ConvertType(out[0], new(big.Int)).(*big.Int)
	return out0, nil
}

// PackBeacon is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x989a3317.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function beacon(uint64 round) view returns(bytes32 value, bool recorded)
func (rounds *Rounds) PackBeacon(round uint64) []byte {
	enc, err := rounds.abi.Pack("beacon", round)
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackBeacon is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x989a3317.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function beacon(uint64 round) view returns(bytes32 value, bool recorded)
func (rounds *Rounds) TryPackBeacon(round uint64) ([]byte, error) {
	return rounds.abi.Pack("beacon", round)
}

// BeaconOutput serves as a container for the return parameters of contract
// method Beacon.
type BeaconOutput struct {
	Value    [32]byte
	Recorded bool
}

// UnpackBeacon is the Go binding that unpacks the parameters returned
// from invoking the contract method with ID 0x989a3317.
//
// Solidity: function beacon(uint64 round) view returns(bytes32 value, bool recorded)
func (rounds *Rounds) UnpackBeacon(data []byte) (BeaconOutput, error) {
	out, err := rounds.abi.Unpack("beacon", data)
	outstruct := new(BeaconOutput)
	if err != nil {
		return *outstruct, err
	}
	outstruct.Value = *abi.ConvertType(out[0], new([32]byte)).(*[32]byte)
	outstruct.Recorded = *abi.ConvertType(out[1], new(bool)).(*bool)
	return *outstruct, nil
}

// PackCurrent is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x9fa6a6e3.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function current() view returns(uint64 round, uint64 start, uint64 end, bytes32 value, bool recorded)
func (rounds *Rounds) PackCurrent() []byte {
	enc, err := rounds.abi.Pack("current")
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackCurrent is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x9fa6a6e3.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function current() view returns(uint64 round, uint64 start, uint64 end, bytes32 value, bool recorded)
func (rounds *Rounds) TryPackCurrent() ([]byte, error) {
	return rounds.abi.Pack("current")
}

// CurrentOutput serves as a container for the return parameters of contract
// method Current.
type CurrentOutput struct {
	Round    uint64
	Start    uint64
	End      uint64
	Value    [32]byte
	Recorded bool
}

// UnpackCurrent is the Go binding that unpacks the parameters returned
// from invoking the contract method with ID 0x9fa6a6e3.
//
// Solidity: function current() view returns(uint64 round, uint64 start, uint64 end, bytes32 value, bool recorded)
func (rounds *Rounds) UnpackCurrent(data []byte) (CurrentOutput, error) {
	out, err := rounds.abi.Unpack("current", data)
	outstruct := new(CurrentOutput)
	if err != nil {
		return *outstruct, err
	}
	outstruct.Round = *abi.ConvertType(out[0], new(uint64)).(*uint64)
	outstruct.Start = *abi.ConvertType(out[1], new(uint64)).(*uint64)
	outstruct.End = *abi.ConvertType(out[2], new(uint64)).(*uint64)
	outstruct.Value = *abi.ConvertType(out[3], new([32]byte)).(*[32]byte)
	outstruct.Recorded = *abi.ConvertType(out[4], new(bool)).(*bool)
	return *outstruct, nil
}

// PackCurrentRound is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x8a19c8bc.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function currentRound() view returns(uint64)
func (rounds *Rounds) PackCurrentRound() []byte {
	enc, err := rounds.abi.Pack("currentRound")
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackCurrentRound is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x8a19c8bc.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function currentRound() view returns(uint64)
func (rounds *Rounds) TryPackCurrentRound() ([]byte, error) {
	return rounds.abi.Pack("currentRound")
}

// UnpackCurrentRound is the Go binding that unpacks the parameters returned
// from invoking the contract method with ID 0x8a19c8bc.
//
// Solidity: function currentRound() view returns(uint64)
func (rounds *Rounds) UnpackCurrentRound(data []byte) (uint64, error) {
	out, err := rounds.abi.Unpack("currentRound", data)
	if err != nil {
		return *new(uint64), err
	}
	out0 := *abi.ConvertType(out[0], new(uint64)).(*uint64)
	return out0, nil
}

// PackEmission is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x1a4fef06.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function emission(uint64 round) view returns(uint256 mintable, uint256 minted)
func (rounds *Rounds) PackEmission(round uint64) []byte {
	enc, err := rounds.abi.Pack("emission", round)
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackEmission is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x1a4fef06.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function emission(uint64 round) view returns(uint256 mintable, uint256 minted)
func (rounds *Rounds) TryPackEmission(round uint64) ([]byte, error) {
	return rounds.abi.Pack("emission", round)
}

// EmissionOutput serves as a container for the return parameters of contract
// method Emission.
type EmissionOutput struct {
	Mintable *big.Int
	Minted   *big.Int
}

// UnpackEmission is the Go binding that unpacks the parameters returned
// from invoking the contract method with ID 0x1a4fef06.
//
// Solidity: function emission(uint64 round) view returns(uint256 mintable, uint256 minted)
func (rounds *Rounds) UnpackEmission(data []byte) (EmissionOutput, error) {
	out, err := rounds.abi.Unpack("emission", data)
	outstruct := new(EmissionOutput)
	if err != nil {
		return *outstruct, err
	}
	outstruct.Mintable = abi.ConvertType(out[0], new(big.Int)).(*big.Int)
	outstruct.Minted = abi.ConvertType(out[1], new(big.Int)).(*big.Int)
	return *outstruct, nil
}

// PackEmissionPpb is the Go binding used to pack the parameters required for calling
// the contract method with ID 0xfcd4f32a.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function emissionPpb() view returns(uint32)
func (rounds *Rounds) PackEmissionPpb() []byte {
	enc, err := rounds.abi.Pack("emissionPpb")
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackEmissionPpb is the Go binding used to pack the parameters required for calling
// the contract method with ID 0xfcd4f32a.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function emissionPpb() view returns(uint32)
func (rounds *Rounds) TryPackEmissionPpb() ([]byte, error) {
	return rounds.abi.Pack("emissionPpb")
}

// UnpackEmissionPpb is the Go binding that unpacks the parameters returned
// from invoking the contract method with ID 0xfcd4f32a.
//
// Solidity: function emissionPpb() view returns(uint32)
func (rounds *Rounds) UnpackEmissionPpb(data []byte) (uint32, error) {
	out, err := rounds.abi.Unpack("emissionPpb", data)
	if err != nil {
		return *new(uint32), err
	}
	out0 := *abi.ConvertType(out[0], new(uint32)).(*uint32)
	return out0, nil
}

// PackGenesis is the Go binding used to pack the parameters required for calling
// the contract method with ID 0xa7f0b3de.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function genesis() view returns(uint64)
func (rounds *Rounds) PackGenesis() []byte {
	enc, err := rounds.abi.Pack("genesis")
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackGenesis is the Go binding used to pack the parameters required for calling
// the contract method with ID 0xa7f0b3de.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function genesis() view returns(uint64)
func (rounds *Rounds) TryPackGenesis() ([]byte, error) {
	return rounds.abi.Pack("genesis")
}

// UnpackGenesis is the Go binding that unpacks the parameters returned
// from invoking the contract method with ID 0xa7f0b3de.
//
// Solidity: function genesis() view returns(uint64)
func (rounds *Rounds) UnpackGenesis(data []byte) (uint64, error) {
	out, err := rounds.abi.Unpack("genesis", data)
	if err != nil {
		return *new(uint64), err
	}
	out0 := *abi.ConvertType(out[0], new(uint64)).(*uint64)
	return out0, nil
}

// PackLastTouched is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x8b4eed81.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function lastTouched() view returns(uint64)
func (rounds *Rounds) PackLastTouched() []byte {
	enc, err := rounds.abi.Pack("lastTouched")
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackLastTouched is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x8b4eed81.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function lastTouched() view returns(uint64)
func (rounds *Rounds) TryPackLastTouched() ([]byte, error) {
	return rounds.abi.Pack("lastTouched")
}

// UnpackLastTouched is the Go binding that unpacks the parameters returned
// from invoking the contract method with ID 0x8b4eed81.
//
// Solidity: function lastTouched() view returns(uint64)
func (rounds *Rounds) UnpackLastTouched(data []byte) (uint64, error) {
	out, err := rounds.abi.Unpack("lastTouched", data)
	if err != nil {
		return *new(uint64), err
	}
	out0 := *abi.ConvertType(out[0], new(uint64)).(*uint64)
	return out0, nil
}

// PackMintReward is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x0e6602fb.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function mintReward(uint256 stake, uint256 activeStake) returns(uint256 amount)
func (rounds *Rounds) PackMintReward(stake *big.Int, activeStake *big.Int) []byte {
	enc, err := rounds.abi.Pack("mintReward", stake, activeStake)
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackMintReward is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x0e6602fb.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function mintReward(uint256 stake, uint256 activeStake) returns(uint256 amount)
func (rounds *Rounds) TryPackMintReward(stake *big.Int, activeStake *big.Int) ([]byte, error) {
	return rounds.abi.Pack("mintReward", stake, activeStake)
}

// UnpackMintReward is the Go binding that unpacks the parameters returned
// from invoking the contract method with ID 0x0e6602fb.
//
// Solidity: function mintReward(uint256 stake, uint256 activeStake) returns(uint256 amount)
func (rounds *Rounds) UnpackMintReward(data []byte) (*big.Int, error) {
	out, err := rounds.abi.Unpack("mintReward", data)
	if err != nil {
		return new(big.Int), err
	}
	out0 := abi.ConvertType(out[0], new(big.Int)).(*big.Int)
	return out0, nil
}

// PackRoundLength is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x8b649b94.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function roundLength() view returns(uint64)
func (rounds *Rounds) PackRoundLength() []byte {
	enc, err := rounds.abi.Pack("roundLength")
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackRoundLength is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x8b649b94.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function roundLength() view returns(uint64)
func (rounds *Rounds) TryPackRoundLength() ([]byte, error) {
	return rounds.abi.Pack("roundLength")
}

// UnpackRoundLength is the Go binding that unpacks the parameters returned
// from invoking the contract method with ID 0x8b649b94.
//
// Solidity: function roundLength() view returns(uint64)
func (rounds *Rounds) UnpackRoundLength(data []byte) (uint64, error) {
	out, err := rounds.abi.Unpack("roundLength", data)
	if err != nil {
		return *new(uint64), err
	}
	out0 := *abi.ConvertType(out[0], new(uint64)).(*uint64)
	return out0, nil
}

// PackRoundStart is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x241163e1.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function roundStart(uint64 round) view returns(uint64)
func (rounds *Rounds) PackRoundStart(round uint64) []byte {
	enc, err := rounds.abi.Pack("roundStart", round)
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackRoundStart is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x241163e1.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function roundStart(uint64 round) view returns(uint64)
func (rounds *Rounds) TryPackRoundStart(round uint64) ([]byte, error) {
	return rounds.abi.Pack("roundStart", round)
}

// UnpackRoundStart is the Go binding that unpacks the parameters returned
// from invoking the contract method with ID 0x241163e1.
//
// Solidity: function roundStart(uint64 round) view returns(uint64)
func (rounds *Rounds) UnpackRoundStart(data []byte) (uint64, error) {
	out, err := rounds.abi.Unpack("roundStart", data)
	if err != nil {
		return *new(uint64), err
	}
	out0 := *abi.ConvertType(out[0], new(uint64)).(*uint64)
	return out0, nil
}

// PackStaking is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x4cf088d9.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function staking() view returns(address)
func (rounds *Rounds) PackStaking() []byte {
	enc, err := rounds.abi.Pack("staking")
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackStaking is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x4cf088d9.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function staking() view returns(address)
func (rounds *Rounds) TryPackStaking() ([]byte, error) {
	return rounds.abi.Pack("staking")
}

// UnpackStaking is the Go binding that unpacks the parameters returned
// from invoking the contract method with ID 0x4cf088d9.
//
// Solidity: function staking() view returns(address)
func (rounds *Rounds) UnpackStaking(data []byte) (common.Address, error) {
	out, err := rounds.abi.Unpack("staking", data)
	if err != nil {
		return *new(common.Address), err
	}
	out0 := *abi.ConvertType(out[0], new(common.Address)).(*common.Address)
	return out0, nil
}

// PackToken is the Go binding used to pack the parameters required for calling
// the contract method with ID 0xfc0c546a.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function token() view returns(address)
func (rounds *Rounds) PackToken() []byte {
	enc, err := rounds.abi.Pack("token")
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackToken is the Go binding used to pack the parameters required for calling
// the contract method with ID 0xfc0c546a.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function token() view returns(address)
func (rounds *Rounds) TryPackToken() ([]byte, error) {
	return rounds.abi.Pack("token")
}

// UnpackToken is the Go binding that unpacks the parameters returned
// from invoking the contract method with ID 0xfc0c546a.
//
// Solidity: function token() view returns(address)
func (rounds *Rounds) UnpackToken(data []byte) (common.Address, error) {
	out, err := rounds.abi.Unpack("token", data)
	if err != nil {
		return *new(common.Address), err
	}
	out0 := *abi.ConvertType(out[0], new(common.Address)).(*common.Address)
	return out0, nil
}

// PackTouch is the Go binding used to pack the parameters required for calling
// the contract method with ID 0xa55526db.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function touch() returns(uint64 round)
func (rounds *Rounds) PackTouch() []byte {
	enc, err := rounds.abi.Pack("touch")
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackTouch is the Go binding used to pack the parameters required for calling
// the contract method with ID 0xa55526db.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function touch() returns(uint64 round)
func (rounds *Rounds) TryPackTouch() ([]byte, error) {
	return rounds.abi.Pack("touch")
}

// UnpackTouch is the Go binding that unpacks the parameters returned
// from invoking the contract method with ID 0xa55526db.
//
// Solidity: function touch() returns(uint64 round)
func (rounds *Rounds) UnpackTouch(data []byte) (uint64, error) {
	out, err := rounds.abi.Unpack("touch", data)
	if err != nil {
		return *new(uint64), err
	}
	out0 := *abi.ConvertType(out[0], new(uint64)).(*uint64)
	return out0, nil
}

// RoundsRewardMinted represents a RewardMinted event raised by the Rounds contract.
type RoundsRewardMinted struct {
	Round  uint64
	Amount *big.Int
	Raw    *types.Log // Blockchain specific contextual infos
}

const RoundsRewardMintedEventName = "RewardMinted"

// ContractEventName returns the user-defined event name.
func (RoundsRewardMinted) ContractEventName() string {
	return RoundsRewardMintedEventName
}

// UnpackRewardMintedEvent is the Go binding that unpacks the event data emitted
// by contract.
//
// Solidity: event RewardMinted(uint64 indexed round, uint256 amount)
func (rounds *Rounds) UnpackRewardMintedEvent(log *types.Log) (*RoundsRewardMinted, error) {
	event := "RewardMinted"
	if len(log.Topics) == 0 {
		return nil, bind.ErrNoEventSignature
	}
	if log.Topics[0] != rounds.abi.Events[event].ID {
		return nil, bind.ErrEventSignatureMismatch
	}
	out := new(RoundsRewardMinted)
	if len(log.Data) > 0 {
		if err := rounds.abi.UnpackIntoInterface(out, event, log.Data); err != nil {
			return nil, err
		}
	}
	var indexed abi.Arguments
	for _, arg := range rounds.abi.Events[event].Inputs {
		if arg.Indexed {
			indexed = append(indexed, arg)
		}
	}
	if err := abi.ParseTopics(out, indexed, log.Topics[1:]); err != nil {
		return nil, err
	}
	out.Raw = log
	return out, nil
}

// RoundsRoundTouched represents a RoundTouched event raised by the Rounds contract.
type RoundsRoundTouched struct {
	Round    uint64
	Beacon   [32]byte
	Emission *big.Int
	Raw      *types.Log // Blockchain specific contextual infos
}

const RoundsRoundTouchedEventName = "RoundTouched"

// ContractEventName returns the user-defined event name.
func (RoundsRoundTouched) ContractEventName() string {
	return RoundsRoundTouchedEventName
}

// UnpackRoundTouchedEvent is the Go binding that unpacks the event data emitted
// by contract.
//
// Solidity: event RoundTouched(uint64 indexed round, bytes32 beacon, uint256 emission)
func (rounds *Rounds) UnpackRoundTouchedEvent(log *types.Log) (*RoundsRoundTouched, error) {
	event := "RoundTouched"
	if len(log.Topics) == 0 {
		return nil, bind.ErrNoEventSignature
	}
	if log.Topics[0] != rounds.abi.Events[event].ID {
		return nil, bind.ErrEventSignatureMismatch
	}
	out := new(RoundsRoundTouched)
	if len(log.Data) > 0 {
		if err := rounds.abi.UnpackIntoInterface(out, event, log.Data); err != nil {
			return nil, err
		}
	}
	var indexed abi.Arguments
	for _, arg := range rounds.abi.Events[event].Inputs {
		if arg.Indexed {
			indexed = append(indexed, arg)
		}
	}
	if err := abi.ParseTopics(out, indexed, log.Topics[1:]); err != nil {
		return nil, err
	}
	out.Raw = log
	return out, nil
}

// UnpackError attempts to decode the provided error data using user-defined
// error definitions.
func (rounds *Rounds) UnpackError(raw []byte) (any, error) {
	if bytes.Equal(raw[:4], rounds.abi.Errors["FutureRound"].ID.Bytes()[:4]) {
		return rounds.UnpackFutureRoundError(raw[4:])
	}
	if bytes.Equal(raw[:4], rounds.abi.Errors["NotStaking"].ID.Bytes()[:4]) {
		return rounds.UnpackNotStakingError(raw[4:])
	}
	if bytes.Equal(raw[:4], rounds.abi.Errors["ZeroRoundLength"].ID.Bytes()[:4]) {
		return rounds.UnpackZeroRoundLengthError(raw[4:])
	}
	return nil, errors.New("Unknown error")
}

// RoundsFutureRound represents a FutureRound error raised by the Rounds contract.
type RoundsFutureRound struct {
	Round uint64
}

// ErrorID returns the hash of canonical representation of the error's signature.
//
// Solidity: error FutureRound(uint64 round)
func RoundsFutureRoundErrorID() common.Hash {
	return common.HexToHash("0x222f65d3009e61d2797872a590c0e125f46d1f619ebe15f78f6ba70f62562c9b")
}

// UnpackFutureRoundError is the Go binding used to decode the provided
// error data into the corresponding Go error struct.
//
// Solidity: error FutureRound(uint64 round)
func (rounds *Rounds) UnpackFutureRoundError(raw []byte) (*RoundsFutureRound, error) {
	out := new(RoundsFutureRound)
	if err := rounds.abi.UnpackIntoInterface(out, "FutureRound", raw); err != nil {
		return nil, err
	}
	return out, nil
}

// RoundsNotStaking represents a NotStaking error raised by the Rounds contract.
type RoundsNotStaking struct {
	Caller common.Address
}

// ErrorID returns the hash of canonical representation of the error's signature.
//
// Solidity: error NotStaking(address caller)
func RoundsNotStakingErrorID() common.Hash {
	return common.HexToHash("0x77b08152bba8966acd93e1bf66172ec669aa590fac3e2929293562553a115ed6")
}

// UnpackNotStakingError is the Go binding used to decode the provided
// error data into the corresponding Go error struct.
//
// Solidity: error NotStaking(address caller)
func (rounds *Rounds) UnpackNotStakingError(raw []byte) (*RoundsNotStaking, error) {
	out := new(RoundsNotStaking)
	if err := rounds.abi.UnpackIntoInterface(out, "NotStaking", raw); err != nil {
		return nil, err
	}
	return out, nil
}

// RoundsZeroRoundLength represents a ZeroRoundLength error raised by the Rounds contract.
type RoundsZeroRoundLength struct {
}

// ErrorID returns the hash of canonical representation of the error's signature.
//
// Solidity: error ZeroRoundLength()
func RoundsZeroRoundLengthErrorID() common.Hash {
	return common.HexToHash("0x86dd9bf610f7268e10802388c272d78ed0d276490878c4a2352d3c2a9dcd5f22")
}

// UnpackZeroRoundLengthError is the Go binding used to decode the provided
// error data into the corresponding Go error struct.
//
// Solidity: error ZeroRoundLength()
func (rounds *Rounds) UnpackZeroRoundLengthError(raw []byte) (*RoundsZeroRoundLength, error) {
	out := new(RoundsZeroRoundLength)
	if err := rounds.abi.UnpackIntoInterface(out, "ZeroRoundLength", raw); err != nil {
		return nil, err
	}
	return out, nil
}

// StakingMetaData contains all meta data concerning the Staking contract.
var StakingMetaData = bind.MetaData{
	ABI: "[{\"type\":\"constructor\",\"inputs\":[{\"name\":\"token_\",\"type\":\"address\",\"internalType\":\"contractIERC20\"},{\"name\":\"rounds_\",\"type\":\"address\",\"internalType\":\"contractIRounds\"},{\"name\":\"p\",\"type\":\"tuple\",\"internalType\":\"structStaking.Parameters\",\"components\":[{\"name\":\"minSelfStake\",\"type\":\"uint256\",\"internalType\":\"uint256\"},{\"name\":\"unbondingPeriod\",\"type\":\"uint64\",\"internalType\":\"uint64\"},{\"name\":\"maxActive\",\"type\":\"uint16\",\"internalType\":\"uint16\"}]}],\"stateMutability\":\"nonpayable\"},{\"type\":\"function\",\"name\":\"MAX_URI_LENGTH\",\"inputs\":[],\"outputs\":[{\"name\":\"\",\"type\":\"uint256\",\"internalType\":\"uint256\"}],\"stateMutability\":\"view\"},{\"type\":\"function\",\"name\":\"PPM\",\"inputs\":[],\"outputs\":[{\"name\":\"\",\"type\":\"uint32\",\"internalType\":\"uint32\"}],\"stateMutability\":\"view\"},{\"type\":\"function\",\"name\":\"activeCount\",\"inputs\":[],\"outputs\":[{\"name\":\"\",\"type\":\"uint256\",\"internalType\":\"uint256\"}],\"stateMutability\":\"view\"},{\"type\":\"function\",\"name\":\"activeSet\",\"inputs\":[],\"outputs\":[{\"name\":\"\",\"type\":\"uint256[]\",\"internalType\":\"uint256[]\"}],\"stateMutability\":\"view\"},{\"type\":\"function\",\"name\":\"claimFees\",\"inputs\":[{\"name\":\"orchestrator\",\"type\":\"address\",\"internalType\":\"address\"},{\"name\":\"to\",\"type\":\"address\",\"internalType\":\"addresspayable\"}],\"outputs\":[{\"name\":\"amount\",\"type\":\"uint256\",\"internalType\":\"uint256\"}],\"stateMutability\":\"nonpayable\"},{\"type\":\"function\",\"name\":\"delegate\",\"inputs\":[{\"name\":\"orchestrator\",\"type\":\"address\",\"internalType\":\"address\"},{\"name\":\"amount\",\"type\":\"uint256\",\"internalType\":\"uint256\"}],\"outputs\":[],\"stateMutability\":\"nonpayable\"},{\"type\":\"function\",\"name\":\"depositFees\",\"inputs\":[{\"name\":\"orchestrator\",\"type\":\"address\",\"internalType\":\"address\"}],\"outputs\":[],\"stateMutability\":\"payable\"},{\"type\":\"function\",\"name\":\"isEligible\",\"inputs\":[{\"name\":\"orchestrator\",\"type\":\"address\",\"internalType\":\"address\"},{\"name\":\"round\",\"type\":\"uint64\",\"internalType\":\"uint64\"}],\"outputs\":[{\"name\":\"\",\"type\":\"bool\",\"internalType\":\"bool\"}],\"stateMutability\":\"view\"},{\"type\":\"function\",\"name\":\"join\",\"inputs\":[{\"name\":\"victim\",\"type\":\"address\",\"internalType\":\"address\"}],\"outputs\":[],\"stateMutability\":\"nonpayable\"},{\"type\":\"function\",\"name\":\"maxActive\",\"inputs\":[],\"outputs\":[{\"name\":\"\",\"type\":\"uint16\",\"internalType\":\"uint16\"}],\"stateMutability\":\"view\"},{\"type\":\"function\",\"name\":\"minSelfStake\",\"inputs\":[],\"outputs\":[{\"name\":\"\",\"type\":\"uint256\",\"internalType\":\"uint256\"}],\"stateMutability\":\"view\"},{\"type\":\"function\",\"name\":\"operatorAt\",\"inputs\":[{\"name\":\"orchestrator\",\"type\":\"address\",\"internalType\":\"address\"},{\"name\":\"round\",\"type\":\"uint64\",\"internalType\":\"uint64\"}],\"outputs\":[{\"name\":\"\",\"type\":\"address\",\"internalType\":\"address\"}],\"stateMutability\":\"view\"},{\"type\":\"function\",\"name\":\"orchestratorInfo\",\"inputs\":[{\"name\":\"id\",\"type\":\"address\",\"internalType\":\"address\"}],\"outputs\":[{\"name\":\"\",\"type\":\"tuple\",\"internalType\":\"structStaking.Listing\",\"components\":[{\"name\":\"id\",\"type\":\"address\",\"internalType\":\"address\"},{\"name\":\"operator\",\"type\":\"address\",\"internalType\":\"address\"},{\"name\":\"stake\",\"type\":\"uint256\",\"internalType\":\"uint256\"},{\"name\":\"selfStake\",\"type\":\"uint256\",\"internalType\":\"uint256\"},{\"name\":\"rewardCut\",\"type\":\"uint32\",\"internalType\":\"uint32\"},{\"name\":\"feeShare\",\"type\":\"uint32\",\"internalType\":\"uint32\"},{\"name\":\"active\",\"type\":\"bool\",\"internalType\":\"bool\"},{\"name\":\"activeFrom\",\"type\":\"uint64\",\"internalType\":\"uint64\"},{\"name\":\"serviceURI\",\"type\":\"string\",\"internalType\":\"string\"}]}],\"stateMutability\":\"view\"},{\"type\":\"function\",\"name\":\"orchestratorOf\",\"inputs\":[{\"name\":\"operator\",\"type\":\"address\",\"internalType\":\"address\"}],\"outputs\":[{\"name\":\"orchestrator\",\"type\":\"address\",\"internalType\":\"address\"}],\"stateMutability\":\"view\"},{\"type\":\"function\",\"name\":\"orchestrators\",\"inputs\":[{\"name\":\"offset\",\"type\":\"uint256\",\"internalType\":\"uint256\"},{\"name\":\"limit\",\"type\":\"uint256\",\"internalType\":\"uint256\"}],\"outputs\":[{\"name\":\"list\",\"type\":\"tuple[]\",\"internalType\":\"structStaking.Listing[]\",\"components\":[{\"name\":\"id\",\"type\":\"address\",\"internalType\":\"address\"},{\"name\":\"operator\",\"type\":\"address\",\"internalType\":\"address\"},{\"name\":\"stake\",\"type\":\"uint256\",\"internalType\":\"uint256\"},{\"name\":\"selfStake\",\"type\":\"uint256\",\"internalType\":\"uint256\"},{\"name\":\"rewardCut\",\"type\":\"uint32\",\"internalType\":\"uint32\"},{\"name\":\"feeShare\",\"type\":\"uint32\",\"internalType\":\"uint32\"},{\"name\":\"active\",\"type\":\"bool\",\"internalType\":\"bool\"},{\"name\":\"activeFrom\",\"type\":\"uint64\",\"internalType\":\"uint64\"},{\"name\":\"serviceURI\",\"type\":\"string\",\"internalType\":\"string\"}]}],\"stateMutability\":\"view\"},{\"type\":\"function\",\"name\":\"poolInfo\",\"inputs\":[{\"name\":\"orchestrator\",\"type\":\"address\",\"internalType\":\"address\"}],\"outputs\":[{\"name\":\"shares\",\"type\":\"uint256\",\"internalType\":\"uint256\"},{\"name\":\"received\",\"type\":\"uint256\",\"internalType\":\"uint256\"},{\"name\":\"paid\",\"type\":\"uint256\",\"internalType\":\"uint256\"}],\"stateMutability\":\"view\"},{\"type\":\"function\",\"name\":\"positionInfo\",\"inputs\":[{\"name\":\"orchestrator\",\"type\":\"address\",\"internalType\":\"address\"},{\"name\":\"delegator\",\"type\":\"address\",\"internalType\":\"address\"}],\"outputs\":[{\"name\":\"stake\",\"type\":\"uint256\",\"internalType\":\"uint256\"},{\"name\":\"shares\",\"type\":\"uint256\",\"internalType\":\"uint256\"},{\"name\":\"fees\",\"type\":\"uint256\",\"internalType\":\"uint256\"}],\"stateMutability\":\"view\"},{\"type\":\"function\",\"name\":\"register\",\"inputs\":[{\"name\":\"r\",\"type\":\"tuple\",\"internalType\":\"structStaking.Registration\",\"components\":[{\"name\":\"operator\",\"type\":\"address\",\"internalType\":\"address\"},{\"name\":\"rewardCut\",\"type\":\"uint32\",\"internalType\":\"uint32\"},{\"name\":\"feeShare\",\"type\":\"uint32\",\"internalType\":\"uint32\"},{\"name\":\"serviceURI\",\"type\":\"string\",\"internalType\":\"string\"}]},{\"name\":\"stake\",\"type\":\"uint256\",\"internalType\":\"uint256\"}],\"outputs\":[],\"stateMutability\":\"nonpayable\"},{\"type\":\"function\",\"name\":\"reward\",\"inputs\":[{\"name\":\"orchestrator\",\"type\":\"address\",\"internalType\":\"address\"}],\"outputs\":[],\"stateMutability\":\"nonpayable\"},{\"type\":\"function\",\"name\":\"rounds\",\"inputs\":[],\"outputs\":[{\"name\":\"\",\"type\":\"address\",\"internalType\":\"contractIRounds\"}],\"stateMutability\":\"view\"},{\"type\":\"function\",\"name\":\"setCuts\",\"inputs\":[{\"name\":\"rewardCut\",\"type\":\"uint32\",\"internalType\":\"uint32\"},{\"name\":\"feeShare\",\"type\":\"uint32\",\"internalType\":\"uint32\"}],\"outputs\":[],\"stateMutability\":\"nonpayable\"},{\"type\":\"function\",\"name\":\"setOperator\",\"inputs\":[{\"name\":\"operator\",\"type\":\"address\",\"internalType\":\"address\"}],\"outputs\":[],\"stateMutability\":\"nonpayable\"},{\"type\":\"function\",\"name\":\"setServiceURI\",\"inputs\":[{\"name\":\"serviceURI\",\"type\":\"string\",\"internalType\":\"string\"}],\"outputs\":[],\"stateMutability\":\"nonpayable\"},{\"type\":\"function\",\"name\":\"token\",\"inputs\":[],\"outputs\":[{\"name\":\"\",\"type\":\"address\",\"internalType\":\"contractIERC20\"}],\"stateMutability\":\"view\"},{\"type\":\"function\",\"name\":\"totalActiveStake\",\"inputs\":[],\"outputs\":[{\"name\":\"\",\"type\":\"uint256\",\"internalType\":\"uint256\"}],\"stateMutability\":\"view\"},{\"type\":\"function\",\"name\":\"unbond\",\"inputs\":[{\"name\":\"orchestrator\",\"type\":\"address\",\"internalType\":\"address\"},{\"name\":\"amount\",\"type\":\"uint256\",\"internalType\":\"uint256\"}],\"outputs\":[{\"name\":\"id\",\"type\":\"uint256\",\"internalType\":\"uint256\"}],\"stateMutability\":\"nonpayable\"},{\"type\":\"function\",\"name\":\"unbondingPeriod\",\"inputs\":[],\"outputs\":[{\"name\":\"\",\"type\":\"uint64\",\"internalType\":\"uint64\"}],\"stateMutability\":\"view\"},{\"type\":\"function\",\"name\":\"unbondings\",\"inputs\":[{\"name\":\"delegator\",\"type\":\"address\",\"internalType\":\"address\"}],\"outputs\":[{\"name\":\"\",\"type\":\"tuple[]\",\"internalType\":\"structStaking.Unbonding[]\",\"components\":[{\"name\":\"orchestrator\",\"type\":\"address\",\"internalType\":\"address\"},{\"name\":\"releaseAt\",\"type\":\"uint64\",\"internalType\":\"uint64\"},{\"name\":\"amount\",\"type\":\"uint128\",\"internalType\":\"uint128\"}]}],\"stateMutability\":\"view\"},{\"type\":\"function\",\"name\":\"withdraw\",\"inputs\":[{\"name\":\"id\",\"type\":\"uint256\",\"internalType\":\"uint256\"}],\"outputs\":[],\"stateMutability\":\"nonpayable\"},{\"type\":\"event\",\"name\":\"Bonded\",\"inputs\":[{\"name\":\"orchestrator\",\"type\":\"address\",\"indexed\":true,\"internalType\":\"address\"},{\"name\":\"delegator\",\"type\":\"address\",\"indexed\":true,\"internalType\":\"address\"},{\"name\":\"amount\",\"type\":\"uint256\",\"indexed\":false,\"internalType\":\"uint256\"},{\"name\":\"shares\",\"type\":\"uint256\",\"indexed\":false,\"internalType\":\"uint256\"}],\"anonymous\":false},{\"type\":\"event\",\"name\":\"CutsSet\",\"inputs\":[{\"name\":\"orchestrator\",\"type\":\"address\",\"indexed\":true,\"internalType\":\"address\"},{\"name\":\"rewardCut\",\"type\":\"uint32\",\"indexed\":false,\"internalType\":\"uint32\"},{\"name\":\"feeShare\",\"type\":\"uint32\",\"indexed\":false,\"internalType\":\"uint32\"}],\"anonymous\":false},{\"type\":\"event\",\"name\":\"FeesClaimed\",\"inputs\":[{\"name\":\"orchestrator\",\"type\":\"address\",\"indexed\":true,\"internalType\":\"address\"},{\"name\":\"delegator\",\"type\":\"address\",\"indexed\":true,\"internalType\":\"address\"},{\"name\":\"to\",\"type\":\"address\",\"indexed\":false,\"internalType\":\"address\"},{\"name\":\"amount\",\"type\":\"uint256\",\"indexed\":false,\"internalType\":\"uint256\"}],\"anonymous\":false},{\"type\":\"event\",\"name\":\"FeesDeposited\",\"inputs\":[{\"name\":\"orchestrator\",\"type\":\"address\",\"indexed\":true,\"internalType\":\"address\"},{\"name\":\"amount\",\"type\":\"uint256\",\"indexed\":false,\"internalType\":\"uint256\"},{\"name\":\"shared\",\"type\":\"uint256\",\"indexed\":false,\"internalType\":\"uint256\"}],\"anonymous\":false},{\"type\":\"event\",\"name\":\"Joined\",\"inputs\":[{\"name\":\"orchestrator\",\"type\":\"address\",\"indexed\":true,\"internalType\":\"address\"},{\"name\":\"activeFrom\",\"type\":\"uint64\",\"indexed\":false,\"internalType\":\"uint64\"}],\"anonymous\":false},{\"type\":\"event\",\"name\":\"Left\",\"inputs\":[{\"name\":\"orchestrator\",\"type\":\"address\",\"indexed\":true,\"internalType\":\"address\"}],\"anonymous\":false},{\"type\":\"event\",\"name\":\"OperatorSet\",\"inputs\":[{\"name\":\"orchestrator\",\"type\":\"address\",\"indexed\":true,\"internalType\":\"address\"},{\"name\":\"operator\",\"type\":\"address\",\"indexed\":true,\"internalType\":\"address\"},{\"name\":\"fromRound\",\"type\":\"uint64\",\"indexed\":false,\"internalType\":\"uint64\"}],\"anonymous\":false},{\"type\":\"event\",\"name\":\"Registered\",\"inputs\":[{\"name\":\"orchestrator\",\"type\":\"address\",\"indexed\":true,\"internalType\":\"address\"}],\"anonymous\":false},{\"type\":\"event\",\"name\":\"Rewarded\",\"inputs\":[{\"name\":\"orchestrator\",\"type\":\"address\",\"indexed\":true,\"internalType\":\"address\"},{\"name\":\"round\",\"type\":\"uint64\",\"indexed\":true,\"internalType\":\"uint64\"},{\"name\":\"amount\",\"type\":\"uint256\",\"indexed\":false,\"internalType\":\"uint256\"},{\"name\":\"cut\",\"type\":\"uint256\",\"indexed\":false,\"internalType\":\"uint256\"},{\"name\":\"cutShares\",\"type\":\"uint256\",\"indexed\":false,\"internalType\":\"uint256\"}],\"anonymous\":false},{\"type\":\"event\",\"name\":\"ServiceURISet\",\"inputs\":[{\"name\":\"orchestrator\",\"type\":\"address\",\"indexed\":true,\"internalType\":\"address\"},{\"name\":\"serviceURI\",\"type\":\"string\",\"indexed\":false,\"internalType\":\"string\"}],\"anonymous\":false},{\"type\":\"event\",\"name\":\"Unbonded\",\"inputs\":[{\"name\":\"orchestrator\",\"type\":\"address\",\"indexed\":true,\"internalType\":\"address\"},{\"name\":\"delegator\",\"type\":\"address\",\"indexed\":true,\"internalType\":\"address\"},{\"name\":\"id\",\"type\":\"uint256\",\"indexed\":false,\"internalType\":\"uint256\"},{\"name\":\"amount\",\"type\":\"uint256\",\"indexed\":false,\"internalType\":\"uint256\"},{\"name\":\"shares\",\"type\":\"uint256\",\"indexed\":false,\"internalType\":\"uint256\"},{\"name\":\"releaseAt\",\"type\":\"uint64\",\"indexed\":false,\"internalType\":\"uint64\"}],\"anonymous\":false},{\"type\":\"event\",\"name\":\"Withdrawn\",\"inputs\":[{\"name\":\"delegator\",\"type\":\"address\",\"indexed\":true,\"internalType\":\"address\"},{\"name\":\"id\",\"type\":\"uint256\",\"indexed\":false,\"internalType\":\"uint256\"},{\"name\":\"amount\",\"type\":\"uint256\",\"indexed\":false,\"internalType\":\"uint256\"}],\"anonymous\":false},{\"type\":\"error\",\"name\":\"AlreadyActive\",\"inputs\":[{\"name\":\"orchestrator\",\"type\":\"address\",\"internalType\":\"address\"}]},{\"type\":\"error\",\"name\":\"AlreadyRegistered\",\"inputs\":[{\"name\":\"orchestrator\",\"type\":\"address\",\"internalType\":\"address\"}]},{\"type\":\"error\",\"name\":\"AlreadyRewarded\",\"inputs\":[{\"name\":\"round\",\"type\":\"uint64\",\"internalType\":\"uint64\"}]},{\"type\":\"error\",\"name\":\"CheckpointUnorderedInsertion\",\"inputs\":[]},{\"type\":\"error\",\"name\":\"FailedCall\",\"inputs\":[]},{\"type\":\"error\",\"name\":\"InsufficientBalance\",\"inputs\":[{\"name\":\"balance\",\"type\":\"uint256\",\"internalType\":\"uint256\"},{\"name\":\"needed\",\"type\":\"uint256\",\"internalType\":\"uint256\"}]},{\"type\":\"error\",\"name\":\"InsufficientStake\",\"inputs\":[{\"name\":\"asked\",\"type\":\"uint256\",\"internalType\":\"uint256\"},{\"name\":\"available\",\"type\":\"uint256\",\"internalType\":\"uint256\"}]},{\"type\":\"error\",\"name\":\"InvalidCut\",\"inputs\":[{\"name\":\"ppm\",\"type\":\"uint32\",\"internalType\":\"uint32\"}]},{\"type\":\"error\",\"name\":\"InvalidOperator\",\"inputs\":[{\"name\":\"operator\",\"type\":\"address\",\"internalType\":\"address\"}]},{\"type\":\"error\",\"name\":\"InvalidParameters\",\"inputs\":[]},{\"type\":\"error\",\"name\":\"InvalidServiceURI\",\"inputs\":[{\"name\":\"length\",\"type\":\"uint256\",\"internalType\":\"uint256\"}]},{\"type\":\"error\",\"name\":\"NotActive\",\"inputs\":[{\"name\":\"orchestrator\",\"type\":\"address\",\"internalType\":\"address\"}]},{\"type\":\"error\",\"name\":\"NotRegistered\",\"inputs\":[{\"name\":\"orchestrator\",\"type\":\"address\",\"internalType\":\"address\"}]},{\"type\":\"error\",\"name\":\"NotReleased\",\"inputs\":[{\"name\":\"id\",\"type\":\"uint256\",\"internalType\":\"uint256\"},{\"name\":\"releaseAt\",\"type\":\"uint64\",\"internalType\":\"uint64\"}]},{\"type\":\"error\",\"name\":\"SafeCastOverflowedUintDowncast\",\"inputs\":[{\"name\":\"bits\",\"type\":\"uint8\",\"internalType\":\"uint8\"},{\"name\":\"value\",\"type\":\"uint256\",\"internalType\":\"uint256\"}]},{\"type\":\"error\",\"name\":\"SafeERC20FailedOperation\",\"inputs\":[{\"name\":\"token\",\"type\":\"address\",\"internalType\":\"address\"}]},{\"type\":\"error\",\"name\":\"SelfStakeTooLow\",\"inputs\":[{\"name\":\"selfStake\",\"type\":\"uint256\",\"internalType\":\"uint256\"},{\"name\":\"required\",\"type\":\"uint256\",\"internalType\":\"uint256\"}]},{\"type\":\"error\",\"name\":\"SetFull\",\"inputs\":[{\"name\":\"victim\",\"type\":\"address\",\"internalType\":\"address\"}]},{\"type\":\"error\",\"name\":\"ZeroAmount\",\"inputs\":[]}]",
	ID:  "Staking",
	Bin: "0x610120604052348015610010575f5ffd5b506040516144e73803806144e783398101604081905261002f916100de565b805115806100435750604081015161ffff16155b1561006157604051630e52390960e41b815260040160405180910390fd5b6001600160a01b03928316608052911660a052805160c05260208101516001600160401b031660e0526040015161ffff1661010052610186565b6001600160a01b03811681146100af575f5ffd5b50565b80516001600160401b03811681146100c8575f5ffd5b919050565b805161ffff811681146100c8575f5ffd5b5f5f5f83850360a08112156100f1575f5ffd5b84516100fc8161009b565b602086015190945061010d8161009b565b92506060603f1982011215610120575f5ffd5b50604051606081016001600160401b038111828210171561014f57634e487b7160e01b5f52604160045260245ffd5b60409081528501518152610165606086016100b2565b6020820152610176608086016100cd565b6040820152809150509250925092565b60805160a05160c05160e051610100516142bb61022c5f395f81816101f00152818161098e0152610cb201525f8181610422015261201601525f8181610649015281816109b901528181610c2901528181610c7e01526122a901525f818161056801528181610acb015281816112f0015281816114db015281816116de0152818161245b015261290801525f818161067c01528181610a0e01526110d001526142bb5ff3fe6080604052600436106101ba575f3560e01c80636cf6d675116100f2578063a5d059ca11610092578063b3ab15fb11610062578063b3ab15fb14610619578063c5f530af14610638578063fc0c546a1461066b578063fd4665ae1461069e575f5ffd5b8063a5d059ca1461058a578063aab5a877146105a9578063abbb247f146105be578063b04ef882146105ea575f5ffd5b8063814e9e95116100cd578063814e9e951461048f5780639a7b5f11146104bb5780639d4a6d3314610538578063a2e800ad14610557575f5ffd5b80636cf6d67514610411578063790a5e3e1461045d5780637f067a251461047c575f5ffd5b80632e1a7d4d1161015d5780635066f3b5116101385780635066f3b51461036d57806355b4ed50146103a75780635f11301b146103d35780636353586b146103f2575f5ffd5b80632e1a7d4d146102d45780633e711538146102f35780634331ed1f14610359575f5ffd5b80631e3998b3116101985780631e3998b31461025557806328f731481461027457806328ffe6c8146102965780632dbfa735146102b5575f5ffd5b8063026e402b146101be578063076b4534146101df5780630d720bbc1461022a575b5f5ffd5b3480156101c9575f5ffd5b506101dd6101d83660046139a3565b6106bf565b005b3480156101ea575f5ffd5b506102127f000000000000000000000000000000000000000000000000000000000000000081565b60405161ffff90911681526020015b60405180910390f35b348015610235575f5ffd5b50610240620f424081565b60405163ffffffff9091168152602001610221565b348015610260575f5ffd5b506101dd61026f3660046139cd565b610a3d565b34801561027f575f5ffd5b506102885f5481565b604051908152602001610221565b3480156102a1575f5ffd5b506101dd6102b0366004613a05565b610baf565b3480156102c0575f5ffd5b506102886102cf366004613a20565b610dac565b3480156102df575f5ffd5b506101dd6102ee366004613a57565b610f75565b3480156102fe575f5ffd5b5061033461030d366004613a05565b60016020525f908152604090205473ffffffffffffffffffffffffffffffffffffffff1681565b60405173ffffffffffffffffffffffffffffffffffffffff9091168152602001610221565b348015610364575f5ffd5b50600254610288565b348015610378575f5ffd5b5061038c610387366004613a20565b6110f7565b60408051938452602084019290925290820152606001610221565b3480156103b2575f5ffd5b506103c66103c1366004613a05565b611244565b6040516102219190613b8e565b3480156103de575f5ffd5b506101dd6103ed366004613ba0565b6114b5565b3480156103fd575f5ffd5b506101dd61040c366004613a05565b6114cc565b34801561041c575f5ffd5b506104447f000000000000000000000000000000000000000000000000000000000000000081565b60405167ffffffffffffffff9091168152602001610221565b348015610468575f5ffd5b50610334610477366004613c23565b6119eb565b6101dd61048a366004613a05565b611a2f565b34801561049a575f5ffd5b506104ae6104a9366004613c4f565b611c2b565b6040516102219190613c6f565b3480156104c6575f5ffd5b5061038c6104d5366004613a05565b73ffffffffffffffffffffffffffffffffffffffff165f9081526003602081905260409091208054600182015491909201546fffffffffffffffffffffffffffffffff700100000000000000000000000000000000909304831693918316921690565b348015610543575f5ffd5b506101dd610552366004613d03565b611d6c565b348015610562575f5ffd5b506103347f000000000000000000000000000000000000000000000000000000000000000081565b348015610595575f5ffd5b506102886105a43660046139a3565b611d7f565b3480156105b4575f5ffd5b5061028861010081565b3480156105c9575f5ffd5b506105dd6105d8366004613a05565b6122fc565b6040516102219190613d34565b3480156105f5575f5ffd5b50610609610604366004613c23565b6123db565b6040519015158152602001610221565b348015610624575f5ffd5b506101dd610633366004613a05565b61244c565b348015610643575f5ffd5b506102887f000000000000000000000000000000000000000000000000000000000000000081565b348015610676575f5ffd5b506103347f000000000000000000000000000000000000000000000000000000000000000081565b3480156106a9575f5ffd5b506106b26124f4565b6040516102219190613dc4565b5f6106c98361254a565b90505f6106d78483336125c8565b82549091505f9070010000000000000000000000000000000090046fffffffffffffffffffffffffffffffff161561074457825461073f9085906fffffffffffffffffffffffffffffffff7001000000000000000000000000000000008204811691166126a1565b610746565b835b9050805f03610781576040517f1f2a200500000000000000000000000000000000000000000000000000000000815260040160405180910390fd5b61078a84612752565b835484905f906107ad9084906fffffffffffffffffffffffffffffffff16613e28565b92506101000a8154816fffffffffffffffffffffffffffffffff02191690836fffffffffffffffffffffffffffffffff1602179055506107ec81612752565b8354849060109061082490849070010000000000000000000000000000000090046fffffffffffffffffffffffffffffffff16613e28565b92506101000a8154816fffffffffffffffffffffffffffffffff02191690836fffffffffffffffffffffffffffffffff16021790555080825f015f8282829054906101000a90046fffffffffffffffffffffffffffffffff166108879190613e28565b92506101000a8154816fffffffffffffffffffffffffffffffff02191690836fffffffffffffffffffffffffffffffff1602179055503373ffffffffffffffffffffffffffffffffffffffff168573ffffffffffffffffffffffffffffffffffffffff167f289681ab5d381c66d9d1e6488d96cb83cc35a13d84d5456280806e6595737a9c8684604051610925929190918252602082015260400190565b60405180910390a360038301547801000000000000000000000000000000000000000000000000900461ffff16156109665761096185846127ab565b6109f4565b3373ffffffffffffffffffffffffffffffffffffffff86161480156109b0575060025461ffff7f000000000000000000000000000000000000000000000000000000000000000016115b80156109e557507f00000000000000000000000000000000000000000000000000000000000000006109e2868561287b565b10155b156109f4576109f48584612905565b610a3673ffffffffffffffffffffffffffffffffffffffff7f000000000000000000000000000000000000000000000000000000000000000016333087612af8565b5050505050565b335f908152600360205260409020600581015415610a8e576040517f45ed80e90000000000000000000000000000000000000000000000000000000081523360048201526024015b60405180910390fd5b60405133907f2d3734a8e47ac8316e500ac231c90a6e1848ca2285f40d07eaa52005e4b3a0e9905f90a2610b5b81610ac96020860186613a05565b7f000000000000000000000000000000000000000000000000000000000000000073ffffffffffffffffffffffffffffffffffffffff16638a19c8bc6040518163ffffffff1660e01b8152600401602060405180830381865afa158015610b32573d5f5f3e3d5ffd5b505050506040513d601f19601f82011682018060405250810190610b569190613e50565b612b5a565b610b7181610b6c6060860186613e6b565b612cf8565b610b9a81610b856040860160208701613ed3565b610b956060870160408801613ed3565b612d99565b8115610baa57610baa33836106bf565b505050565b5f610bb93361254a565b60038101549091507801000000000000000000000000000000000000000000000000900461ffff1615610c1a576040517f0e1f74ff000000000000000000000000000000000000000000000000000000008152336004820152602401610a85565b5f610c25338361287b565b90507f0000000000000000000000000000000000000000000000000000000000000000811015610caa576040517f64c83076000000000000000000000000000000000000000000000000000000008152600481018290527f00000000000000000000000000000000000000000000000000000000000000006024820152604401610a85565b60025461ffff7f0000000000000000000000000000000000000000000000000000000000000000169003610da25773ffffffffffffffffffffffffffffffffffffffff83165f908152600360208190526040909120908101547801000000000000000000000000000000000000000000000000900461ffff161580610d475750825481546fffffffffffffffffffffffffffffffff918216911610155b15610d96576040517f0d58d9d800000000000000000000000000000000000000000000000000000000815273ffffffffffffffffffffffffffffffffffffffff85166004820152602401610a85565b610da08482612efb565b505b610baa3383612905565b73ffffffffffffffffffffffffffffffffffffffff82165f90815260036020526040812081610ddc8583336125c8565b80546fffffffffffffffffffffffffffffffff8082168355700100000000000000000000000000000000909104169350905073ffffffffffffffffffffffffffffffffffffffff85163303610e7d576001820154610e609070010000000000000000000000000000000090046fffffffffffffffffffffffffffffffff1684613eec565b6001830180546fffffffffffffffffffffffffffffffff16905592505b6003820180548491905f90610ea59084906fffffffffffffffffffffffffffffffff16613e28565b92506101000a8154816fffffffffffffffffffffffffffffffff02191690836fffffffffffffffffffffffffffffffff1602179055503373ffffffffffffffffffffffffffffffffffffffff168573ffffffffffffffffffffffffffffffffffffffff167f34579ce58c22de68fe7e545753ced212a5b682a2e81614171dbf2039de2454d88686604051610f5b92919073ffffffffffffffffffffffffffffffffffffffff929092168252602082015260400190565b60405180910390a3610f6d84846130ec565b505092915050565b335f908152600560205260408120805483908110610f9557610f95613eff565b5f918252602090912060029091020160018101549091506fffffffffffffffffffffffffffffffff16801580610fed5750815474010000000000000000000000000000000000000000900467ffffffffffffffff1642105b156110515781546040517fb994f453000000000000000000000000000000000000000000000000000000008152600481018590527401000000000000000000000000000000000000000090910467ffffffffffffffff166024820152604401610a85565b6001820180547fffffffffffffffffffffffffffffffff00000000000000000000000000000000169055604080518481526020810183905233917f92ccf450a286a957af52509bc1c9939d1a6a481783e142e41e2499f0bb66ebc6910160405180910390a2610baa73ffffffffffffffffffffffffffffffffffffffff7f0000000000000000000000000000000000000000000000000000000000000000163383613191565b73ffffffffffffffffffffffffffffffffffffffff8083165f908152600360209081526040808320600483528184209486168452939091528120805491926fffffffffffffffffffffffffffffffff909216918391831561118e5781546111899085906fffffffffffffffffffffffffffffffff808216917001000000000000000000000000000000009004166126a1565b611190565b5f5b945061119c82826131ec565b81546111ce919070010000000000000000000000000000000090046fffffffffffffffffffffffffffffffff16613eec565b92508673ffffffffffffffffffffffffffffffffffffffff168673ffffffffffffffffffffffffffffffffffffffff160361123b5760018201546112389070010000000000000000000000000000000090046fffffffffffffffffffffffffffffffff1684613eec565b92505b50509250925092565b6040805161012080820183525f808352602080840182905283850182905260608085018390526080850183905260a0850183905260c0850183905260e0850183905261010085015273ffffffffffffffffffffffffffffffffffffffff80871680845260038352928690208651948501875292845285517f8a19c8bc0000000000000000000000000000000000000000000000000000000081529551949592948483019361135a9389937f00000000000000000000000000000000000000000000000000000000000000001692638a19c8bc9260048082019392918290030181865afa158015611336573d5f5f3e3d5ffd5b505050506040513d601f19601f820116820180604052508101906104779190613e50565b73ffffffffffffffffffffffffffffffffffffffff16815282546fffffffffffffffffffffffffffffffff166020820152604001611398858461287b565b8152600383015463ffffffff70010000000000000000000000000000000082048116602084015274010000000000000000000000000000000000000000820416604083015261ffff78010000000000000000000000000000000000000000000000009091041615156060820152600483015467ffffffffffffffff16608082015260068301805460a09092019161142e90613f2c565b80601f016020809104026020016040519081016040528092919081815260200182805461145a90613f2c565b80156114a55780601f1061147c576101008083540402835291602001916114a5565b820191905f5260205f20905b81548152906001019060200180831161148857829003601f168201915b5050505050815250915050919050565b6114c86114c13361254a565b8383612cf8565b5050565b5f6114d68261254a565b90505f7f000000000000000000000000000000000000000000000000000000000000000073ffffffffffffffffffffffffffffffffffffffff1663a55526db6040518163ffffffff1660e01b81526004016020604051808303815f875af1158015611543573d5f5f3e3d5ffd5b505050506040513d601f19601f820116820180604052508101906115679190613e50565b905061157383826123db565b6115c1576040517f4022bc5500000000000000000000000000000000000000000000000000000000815273ffffffffffffffffffffffffffffffffffffffff84166004820152602401610a85565b600482015467ffffffffffffffff80831668010000000000000000909204161115611624576040517fabc452f900000000000000000000000000000000000000000000000000000000815267ffffffffffffffff82166004820152602401610a85565b61162f816001613f7d565b6004838101805467ffffffffffffffff9390931668010000000000000000027fffffffffffffffffffffffffffffffff0000000000000000ffffffffffffffff9093169290921790915582545f80546040517f0e6602fb0000000000000000000000000000000000000000000000000000000081526fffffffffffffffffffffffffffffffff90931693830193909352602482019290925273ffffffffffffffffffffffffffffffffffffffff7f00000000000000000000000000000000000000000000000000000000000000001690630e6602fb906044016020604051808303815f875af1158015611724573d5f5f3e3d5ffd5b505050506040513d601f19601f820116820180604052508101906117489190613f9d565b60038401549091505f9061177b908390700100000000000000000000000000000000900463ffffffff16620f42406126a1565b905061178f61178a8284613fb4565b612752565b845485905f906117b29084906fffffffffffffffffffffffffffffffff16613e28565b92506101000a8154816fffffffffffffffffffffffffffffffff02191690836fffffffffffffffffffffffffffffffff1602179055505f6117f48686886125c8565b85549091505f906118339061178a9085906fffffffffffffffffffffffffffffffff7001000000000000000000000000000000008204811691166126a1565b8654909150839087905f9061185b9084906fffffffffffffffffffffffffffffffff16613e28565b92506101000a8154816fffffffffffffffffffffffffffffffff02191690836fffffffffffffffffffffffffffffffff16021790555080865f0160108282829054906101000a90046fffffffffffffffffffffffffffffffff166118bf9190613e28565b92506101000a8154816fffffffffffffffffffffffffffffffff02191690836fffffffffffffffffffffffffffffffff16021790555080825f015f8282829054906101000a90046fffffffffffffffffffffffffffffffff166119229190613e28565b92506101000a8154816fffffffffffffffffffffffffffffffff02191690836fffffffffffffffffffffffffffffffff1602179055508467ffffffffffffffff168773ffffffffffffffffffffffffffffffffffffffff167f581adeb610dd477c2cea311bad97784baf4ad20f2fb8919e6b2ded23c0e6f4958686856040516119d09392919092835260208301919091526fffffffffffffffffffffffffffffffff16604082015260600190565b60405180910390a36119e287876127ab565b50505050505050565b73ffffffffffffffffffffffffffffffffffffffff82165f908152600360205260408120611a269060050167ffffffffffffffff8416613232565b90505b92915050565b73ffffffffffffffffffffffffffffffffffffffff81165f908152600360205260408120805490917001000000000000000000000000000000009091046fffffffffffffffffffffffffffffffff16908115611abc576003830154611ab790349074010000000000000000000000000000000000000000900463ffffffff16620f42406126a1565b611abe565b5f5b60018401805491925034915f90611ae89084906fffffffffffffffffffffffffffffffff16613e28565b92506101000a8154816fffffffffffffffffffffffffffffffff02191690836fffffffffffffffffffffffffffffffff1602179055508034611b2a9190613fb4565b600184018054601090611b6490849070010000000000000000000000000000000090046fffffffffffffffffffffffffffffffff16613e28565b92506101000a8154816fffffffffffffffffffffffffffffffff02191690836fffffffffffffffffffffffffffffffff160217905550805f14611bd357611bbb816ec097ce7bc90715b34b9f1000000000846126a1565b836002015f828254611bcd9190613eec565b90915550505b604080513481526020810183905273ffffffffffffffffffffffffffffffffffffffff8616917f7eaeae972c6a3cf34d84cb6d47d5e0b79f6683c73c94e1e3b2a3aa349a86af5c91015b60405180910390a250505050565b60605f611c46600280549050611c4186866132fe565b61333a565b9050808410611c555750611a29565b611c5f8482613fb4565b67ffffffffffffffff811115611c7757611c77613fc7565b604051908082528060200260200182016040528015611d0d57816020015b60408051610120810182525f808252602080830182905292820181905260608083018290526080830182905260a0830182905260c0830182905260e083019190915261010082015282527fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff909201910181611c955790505b509150835b81811015610f6d57611d3e60028281548110611d3057611d30613eff565b905f5260205f200154611244565b83611d498784613fb4565b81518110611d5957611d59613eff565b6020908102919091010152600101611d12565b6114c8611d783361254a565b8383612d99565b73ffffffffffffffffffffffffffffffffffffffff82165f90815260036020526040812081611daf8583336125c8565b80549091506fffffffffffffffffffffffffffffffff16801580611dd1575084155b15611e08576040517f1f2a200500000000000000000000000000000000000000000000000000000000815260040160405180910390fd5b82545f90611e419083906fffffffffffffffffffffffffffffffff808216917001000000000000000000000000000000009004166126a1565b90507fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff8603611e7257809550611ef1565b80861115611eb6576040517f45be0a260000000000000000000000000000000000000000000000000000000081526004810187905260248101829052604401610a85565b8354611eee9087906fffffffffffffffffffffffffffffffff7001000000000000000000000000000000008204811691166001613349565b91505b8354869085905f90611f169084906fffffffffffffffffffffffffffffffff16613ff4565b92506101000a8154816fffffffffffffffffffffffffffffffff02191690836fffffffffffffffffffffffffffffffff16021790555081845f0160108282829054906101000a90046fffffffffffffffffffffffffffffffff16611f7a9190613ff4565b92506101000a8154816fffffffffffffffffffffffffffffffff02191690836fffffffffffffffffffffffffffffffff16021790555081835f015f8282829054906101000a90046fffffffffffffffffffffffffffffffff16611fdd9190613ff4565b92506101000a8154816fffffffffffffffffffffffffffffffff02191690836fffffffffffffffffffffffffffffffff1602179055505f7f0000000000000000000000000000000000000000000000000000000000000000426120409190613f7d565b905060055f3373ffffffffffffffffffffffffffffffffffffffff1673ffffffffffffffffffffffffffffffffffffffff1681526020019081526020015f2080549050955060055f3373ffffffffffffffffffffffffffffffffffffffff1673ffffffffffffffffffffffffffffffffffffffff1681526020019081526020015f2060405180606001604052808a73ffffffffffffffffffffffffffffffffffffffff1681526020018367ffffffffffffffff168152602001896fffffffffffffffffffffffffffffffff16815250908060018154018082558091505060019003905f5260205f2090600202015f909190919091505f820151815f015f6101000a81548173ffffffffffffffffffffffffffffffffffffffff021916908373ffffffffffffffffffffffffffffffffffffffff1602179055506020820151815f0160146101000a81548167ffffffffffffffff021916908367ffffffffffffffff1602179055506040820151816001015f6101000a8154816fffffffffffffffffffffffffffffffff02191690836fffffffffffffffffffffffffffffffff16021790555050503373ffffffffffffffffffffffffffffffffffffffff168873ffffffffffffffffffffffffffffffffffffffff167fb2a87f99365d302b321bbcf53e86efea9cb537bb3f284836d350060bdc15f921888a878660405161226a94939291909384526020840192909252604083015267ffffffffffffffff16606082015260800190565b60405180910390a360038501547801000000000000000000000000000000000000000000000000900461ffff165f036122a7575050505050611a29565b7f00000000000000000000000000000000000000000000000000000000000000006122d2898761287b565b10156122e7576122e28886612efb565b6122f1565b6122f188866127ab565b505050505092915050565b73ffffffffffffffffffffffffffffffffffffffff81165f908152600560209081526040808320805482518185028101850190935280835260609492939192909184015b828210156123d0575f8481526020908190206040805160608101825260028602909201805473ffffffffffffffffffffffffffffffffffffffff8116845274010000000000000000000000000000000000000000900467ffffffffffffffff16838501526001908101546fffffffffffffffffffffffffffffffff16918301919091529083529092019101612340565b505050509050919050565b73ffffffffffffffffffffffffffffffffffffffff82165f9081526003602081905260408220908101547801000000000000000000000000000000000000000000000000900461ffff16158015906124445750600481015467ffffffffffffffff808516911611155b949350505050565b6124f16124583361254a565b827f000000000000000000000000000000000000000000000000000000000000000073ffffffffffffffffffffffffffffffffffffffff16638a19c8bc6040518163ffffffff1660e01b8152600401602060405180830381865afa1580156124c2573d5f5f3e3d5ffd5b505050506040513d601f19601f820116820180604052508101906124e69190613e50565b610b56906001613f7d565b50565b6060600280548060200260200160405190810160405280929190818152602001828054801561254057602002820191905f5260205f20905b81548152602001906001019080831161252c575b5050505050905090565b73ffffffffffffffffffffffffffffffffffffffff81165f90815260036020526040902060058101545f036125c3576040517fbfc6c33700000000000000000000000000000000000000000000000000000000815273ffffffffffffffffffffffffffffffffffffffff83166004820152602401610a85565b919050565b73ffffffffffffffffffffffffffffffffffffffff8084165f90815260046020908152604080832093851683529290529081209061260684836131ec565b9050801561267f5781548190839060109061264890849070010000000000000000000000000000000090046fffffffffffffffffffffffffffffffff16613e28565b92506101000a8154816fffffffffffffffffffffffffffffffff02191690836fffffffffffffffffffffffffffffffff1602179055505b836002015482600101541461269957600284015460018301555b509392505050565b5f5f5f6126ae868661338b565b91509150815f036126d2578381816126c8576126c861401c565b049250505061274b565b8184116126e9576126e960038515026011186133c6565b5f848688095f868103871696879004966002600389028118808a02820302808a02820302808a02820302808a02820302808a02820302808a02909103029181900381900460010185841190960395909502919093039390930492909217029150505b9392505050565b5f6fffffffffffffffffffffffffffffffff8211156127a7576040517f6dfcc6500000000000000000000000000000000000000000000000000000000081526080600482015260248101839052604401610a85565b5090565b60038101545f906127de906001907801000000000000000000000000000000000000000000000000900461ffff16614049565b82546002805461ffff9390931693506fffffffffffffffffffffffffffffffff9091169160a091908490811061281657612816613eff565b905f5260205f200154901c5f5461282d9190613fb4565b6128379190613eec565b5f5581546128589084906fffffffffffffffffffffffffffffffff166133d7565b6002828154811061286b5761286b613eff565b5f91825260209091200155505050565b73ffffffffffffffffffffffffffffffffffffffff82165f9081526004602090815260408083209091528120546fffffffffffffffffffffffffffffffff1680156128fc5782546128f79082906fffffffffffffffffffffffffffffffff808216917001000000000000000000000000000000009004166126a1565b612444565b505f9392505050565b5f7f000000000000000000000000000000000000000000000000000000000000000073ffffffffffffffffffffffffffffffffffffffff16638a19c8bc6040518163ffffffff1660e01b8152600401602060405180830381865afa15801561296f573d5f5f3e3d5ffd5b505050506040513d601f19601f820116820180604052508101906129939190613e50565b90505f67ffffffffffffffff8216156129b6576129b1826001613f7d565b6129b8565b5f5b83549091506002906129dd9086906fffffffffffffffffffffffffffffffff166133d7565b81546001810183555f9283526020832001556002546003850180547fffffffffffff0000ffffffffffffffffffffffffffffffffffffffffffffffff16780100000000000000000000000000000000000000000000000061ffff909316929092029190911790556004840180547fffffffffffffffffffffffffffffffffffffffffffffffff00000000000000001667ffffffffffffffff8416179055835481546fffffffffffffffffffffffffffffffff90911691908190612aa1908490613eec565b909155505060405167ffffffffffffffff8216815273ffffffffffffffffffffffffffffffffffffffff8516907fe9fe66616b938a419c988edfac43e1aaa95c24e93eede898b22a44061daa325090602001611c1d565b612b06848484846001613412565b612b54576040517f5274afe700000000000000000000000000000000000000000000000000000000815273ffffffffffffffffffffffffffffffffffffffff85166004820152602401610a85565b50505050565b73ffffffffffffffffffffffffffffffffffffffff8083165f81815260016020526040902054909116901580612ba5575073ffffffffffffffffffffffffffffffffffffffff831633145b80612be6575073ffffffffffffffffffffffffffffffffffffffff811615801590612be6575073ffffffffffffffffffffffffffffffffffffffff81163314155b15612c35576040517f3eaa03e300000000000000000000000000000000000000000000000000000000815273ffffffffffffffffffffffffffffffffffffffff84166004820152602401610a85565b73ffffffffffffffffffffffffffffffffffffffff83165f90815260016020526040902080547fffffffffffffffffffffffff00000000000000000000000000000000000000001633179055612c996005850167ffffffffffffffff8416856134a5565b505060405167ffffffffffffffff8316815273ffffffffffffffffffffffffffffffffffffffff84169033907fe692ceba6967e1137b3431d364eef30ae6d25ffa8de204652210624586acea909060200160405180910390a350505050565b80801580612d07575061010081115b15612d41576040517f118bb48f00000000000000000000000000000000000000000000000000000000815260048101829052602401610a85565b60068401612d508385836140b9565b503373ffffffffffffffffffffffffffffffffffffffff167fad4fb682cef12cfa391dcfd1c47082f9652faf82da71a1b10fa3226679e7aad98484604051611c1d9291906141cf565b620f424063ffffffff83161115612de4576040517fb3db765700000000000000000000000000000000000000000000000000000000815263ffffffff83166004820152602401610a85565b620f424063ffffffff82161115612e2f576040517fb3db765700000000000000000000000000000000000000000000000000000000815263ffffffff82166004820152602401610a85565b6003830180547fffffffffffffffff0000000000000000ffffffffffffffffffffffffffffffff1670010000000000000000000000000000000063ffffffff8581169182027fffffffffffffffff00000000ffffffffffffffffffffffffffffffffffffffff1692909217740100000000000000000000000000000000000000009285169283021790925560408051928352602083019190915233917fafcaea7583a5e97c21e9ddb131c0b92f839bd67d61b9ca749f5d6af37cf80b2d910160405180910390a2505050565b60038101545f90612f2e906001907801000000000000000000000000000000000000000000000000900461ffff16614049565b61ffff16905060a060028281548110612f4957612f49613eff565b905f5260205f200154901c5f5f828254612f639190613fb4565b9091555050600280545f9190612f7b90600190613fb4565b81548110612f8b57612f8b613eff565b905f5260205f20015490508060028381548110612faa57612faa613eff565b5f91825260209091200155612fc0826001613eec565b73ffffffffffffffffffffffffffffffffffffffff82165f90815260036020819052604090912001805461ffff929092167801000000000000000000000000000000000000000000000000027fffffffffffff0000ffffffffffffffffffffffffffffffffffffffffffffffff90921691909117905560028054806130475761304761421b565b5f8281526020812082017fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff9081018290559091019091556003840180547fffffffffffff0000ffffffffffffffffffffffffffffffffffffffffffffffff16905560405173ffffffffffffffffffffffffffffffffffffffff8616917fc97a8bf3a3af557fe56cca51d77eeb41b7c07ea6f2d28390ba9d1841a0bf466d91a250505050565b8047101561312f576040517fcf47918100000000000000000000000000000000000000000000000000000000815247600482015260248101829052604401610a85565b613148828260405180602001604052805f8152506134bf565b15613151575050565b3d1561315f576114c86134d4565b6040517fd6bda27500000000000000000000000000000000000000000000000000000000815260040160405180910390fd5b61319e83838360016134df565b610baa576040517f5274afe700000000000000000000000000000000000000000000000000000000815273ffffffffffffffffffffffffffffffffffffffff84166004820152602401610a85565b8054600182015460028401545f92611a26926fffffffffffffffffffffffffffffffff9091169161321d9190613fb4565b6ec097ce7bc90715b34b9f10000000006126a1565b81545f9081816005811115613294575f61324b84613567565b6132559085613fb4565b5f888152602090209091508101546bffffffffffffffffffffffff908116908716101561328457809150613292565b61328f816001613eec565b92505b505b5f6132a1878785856136cc565b905080156132f1576132c5876132b8600184613fb4565b5f91825260209091200190565b546c01000000000000000000000000900473ffffffffffffffffffffffffffffffffffffffff166132f3565b5f5b979650505050505050565b5f828201838110159081027fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff8082188302185b95945050505050565b5f828218828410028218611a26565b5f61337661335683613720565b801561337157505f848061336c5761336c61401c565b868809115b151590565b6133818686866126a1565b6133319190613eec565b5f807fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff83850993909202808410938190039390930393915050565b634e487b715f52806020526024601cfd5b5f8273ffffffffffffffffffffffffffffffffffffffff1660a06133fa8461374c565b6bffffffffffffffffffffffff16901b179392505050565b6040517f23b872dd000000000000000000000000000000000000000000000000000000005f81815273ffffffffffffffffffffffffffffffffffffffff8781166004528616602452604485905291602083606481808c5af1925060015f51148316613494578383151615613488573d5f823e3d81fd5b5f883b113d1516831692505b604052505f60605295945050505050565b5f806134b285858561379d565b915091505b935093915050565b5f5f5f83516020850186885af1949350505050565b6040513d5f823e3d81fd5b6040517fa9059cbb000000000000000000000000000000000000000000000000000000005f81815273ffffffffffffffffffffffffffffffffffffffff8616600452602485905291602083604481808b5af1925060015f5114831661355b57838315161561354f573d5f823e3d81fd5b5f873b113d1516831692505b60405250949350505050565b5f60018211613574575090565b816001700100000000000000000000000000000000821061359a5760809190911c9060401b5b6801000000000000000082106135b55760409190911c9060201b5b64010000000082106135cc5760209190911c9060101b5b6201000082106135e15760109190911c9060081b5b61010082106135f55760089190911c9060041b5b601082106136085760049190911c9060021b5b600482106136145760011b5b600302600190811c9081858161362c5761362c61401c565b048201901c905060018185816136445761364461401c565b048201901c9050600181858161365c5761365c61401c565b048201901c905060018185816136745761367461401c565b048201901c9050600181858161368c5761368c61401c565b048201901c905060018185816136a4576136a461401c565b048201901c90506136c38185816136bd576136bd61401c565b04821190565b90039392505050565b5f5b81831015612699575f8581526020902083831660028585180401908101546bffffffffffffffffffffffff8681169116111561370c5780925061371a565b613717816001613eec565b93505b506136ce565b5f600282600381111561373557613735614248565b61373f9190614275565b60ff166001149050919050565b5f6bffffffffffffffffffffffff8211156127a7576040517f6dfcc6500000000000000000000000000000000000000000000000000000000081526060600482015260248101839052604401610a85565b82545f908190801561390c575f6137b9876132b8600185613fb4565b80549091506bffffffffffffffffffffffff808216916c01000000000000000000000000900473ffffffffffffffffffffffffffffffffffffffff16908816821115613831576040517f2520601d00000000000000000000000000000000000000000000000000000000815260040160405180910390fd5b876bffffffffffffffffffffffff16826bffffffffffffffffffffffff16036138925782546bffffffffffffffffffffffff166c0100000000000000000000000073ffffffffffffffffffffffffffffffffffffffff8916021783556138fe565b604080518082019091526bffffffffffffffffffffffff808a16825273ffffffffffffffffffffffffffffffffffffffff808a1660208085019182528d54600181018f555f8f815291909120945191519092166c01000000000000000000000000029216919091179101555b94508593506134b792505050565b5050604080518082019091526bffffffffffffffffffffffff808516825273ffffffffffffffffffffffffffffffffffffffff80851660208085019182528854600181018a555f8a8152918220955192519093166c010000000000000000000000000291909316179201919091559050816134b7565b73ffffffffffffffffffffffffffffffffffffffff811681146124f1575f5ffd5b5f5f604083850312156139b4575f5ffd5b82356139bf81613982565b946020939093013593505050565b5f5f604083850312156139de575f5ffd5b823567ffffffffffffffff8111156139f4575f5ffd5b8301608081860312156139bf575f5ffd5b5f60208284031215613a15575f5ffd5b813561274b81613982565b5f5f60408385031215613a31575f5ffd5b8235613a3c81613982565b91506020830135613a4c81613982565b809150509250929050565b5f60208284031215613a67575f5ffd5b5035919050565b5f81518084528060208401602086015e5f6020828601015260207fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffe0601f83011685010191505092915050565b805173ffffffffffffffffffffffffffffffffffffffff1682525f6020820151613afc602085018273ffffffffffffffffffffffffffffffffffffffff169052565b5060408201516040840152606082015160608401526080820151613b28608085018263ffffffff169052565b5060a0820151613b4060a085018263ffffffff169052565b5060c0820151613b5460c085018215159052565b5060e0820151613b7060e085018267ffffffffffffffff169052565b50610100820151610120610100850152612444610120850182613a6e565b602081525f611a266020830184613aba565b5f5f60208385031215613bb1575f5ffd5b823567ffffffffffffffff811115613bc7575f5ffd5b8301601f81018513613bd7575f5ffd5b803567ffffffffffffffff811115613bed575f5ffd5b856020828401011115613bfe575f5ffd5b6020919091019590945092505050565b67ffffffffffffffff811681146124f1575f5ffd5b5f5f60408385031215613c34575f5ffd5b8235613c3f81613982565b91506020830135613a4c81613c0e565b5f5f60408385031215613c60575f5ffd5b50508035926020909101359150565b5f602082016020835280845180835260408501915060408160051b8601019250602086015f5b82811015613ce4577fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffc0878603018452613ccf858351613aba565b94506020938401939190910190600101613c95565b50929695505050505050565b803563ffffffff811681146125c3575f5ffd5b5f5f60408385031215613d14575f5ffd5b613d1d83613cf0565b9150613d2b60208401613cf0565b90509250929050565b602080825282518282018190525f918401906040840190835b81811015613db957835173ffffffffffffffffffffffffffffffffffffffff815116845267ffffffffffffffff60208201511660208501526fffffffffffffffffffffffffffffffff604082015116604085015250606083019250602084019350600181019050613d4d565b509095945050505050565b602080825282518282018190525f918401906040840190835b81811015613db9578351835260209384019390920191600101613ddd565b7f4e487b71000000000000000000000000000000000000000000000000000000005f52601160045260245ffd5b6fffffffffffffffffffffffffffffffff8181168382160190811115611a2957611a29613dfb565b5f60208284031215613e60575f5ffd5b815161274b81613c0e565b5f5f83357fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffe1843603018112613e9e575f5ffd5b83018035915067ffffffffffffffff821115613eb8575f5ffd5b602001915036819003821315613ecc575f5ffd5b9250929050565b5f60208284031215613ee3575f5ffd5b611a2682613cf0565b80820180821115611a2957611a29613dfb565b7f4e487b71000000000000000000000000000000000000000000000000000000005f52603260045260245ffd5b600181811c90821680613f4057607f821691505b602082108103613f77577f4e487b71000000000000000000000000000000000000000000000000000000005f52602260045260245ffd5b50919050565b67ffffffffffffffff8181168382160190811115611a2957611a29613dfb565b5f60208284031215613fad575f5ffd5b5051919050565b81810381811115611a2957611a29613dfb565b7f4e487b71000000000000000000000000000000000000000000000000000000005f52604160045260245ffd5b6fffffffffffffffffffffffffffffffff8281168282160390811115611a2957611a29613dfb565b7f4e487b71000000000000000000000000000000000000000000000000000000005f52601260045260245ffd5b61ffff8281168282160390811115611a2957611a29613dfb565b601f821115610baa5782821115610baa57805f5260205f20601f840160051c602085101561408e57505f5b90810190601f840160051c035f5b818110156140b1575f8382015560010161409c565b505050505050565b67ffffffffffffffff8311156140d1576140d1613fc7565b6140e5836140df8354613f2c565b83614063565b5f601f841160018114614135575f85156140ff5750838201355b7fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff600387901b1c1916600186901b178355610a36565b5f838152602081207fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffe08716915b828110156141825786850135825560209485019460019092019101614162565b50868210156141bd577fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff60f88860031b161c19848701351681555b505060018560011b0183555050505050565b60208152816020820152818360408301375f818301604090810191909152601f9092017fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffe0160101919050565b7f4e487b71000000000000000000000000000000000000000000000000000000005f52603160045260245ffd5b7f4e487b71000000000000000000000000000000000000000000000000000000005f52602160045260245ffd5b5f60ff8316806142ac577f4e487b71000000000000000000000000000000000000000000000000000000005f52601260045260245ffd5b8060ff8416069150509291505056",
}

// Staking is an auto generated Go binding around an Ethereum contract.
type Staking struct {
	abi abi.ABI
}

// GetABI returns the ABI associated with this contract binding.
func (c *Staking) GetABI() abi.ABI {
	return c.abi
}

// NewStaking creates a new instance of Staking.
func NewStaking() *Staking {
	parsed, err := StakingMetaData.ParseABI()
	if err != nil {
		panic(errors.New("invalid ABI: " + err.Error()))
	}
	return &Staking{abi: *parsed}
}

// Instance creates a wrapper for a deployed contract instance at the given address.
// Use this to create the instance object passed to abigen v2 library functions Call, Transact, etc.
func (c *Staking) Instance(backend bind.ContractBackend, addr common.Address) *bind.BoundContract {
	return bind.NewBoundContract(addr, c.abi, backend, backend, backend)
}

// PackConstructor is the Go binding used to pack the parameters required for
// contract deployment.
//
// Solidity: constructor(address token_, address rounds_, (uint256,uint64,uint16) p) returns()
func (staking *Staking) PackConstructor(token_ common.Address, rounds_ common.Address, p StakingParameters) []byte {
	enc, err := staking.abi.Pack("", token_, rounds_, p)
	if err != nil {
		panic(err)
	}
	return enc
}

// PackMAXURILENGTH is the Go binding used to pack the parameters required for calling
// the contract method with ID 0xaab5a877.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function MAX_URI_LENGTH() view returns(uint256)
func (staking *Staking) PackMAXURILENGTH() []byte {
	enc, err := staking.abi.Pack("MAX_URI_LENGTH")
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackMAXURILENGTH is the Go binding used to pack the parameters required for calling
// the contract method with ID 0xaab5a877.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function MAX_URI_LENGTH() view returns(uint256)
func (staking *Staking) TryPackMAXURILENGTH() ([]byte, error) {
	return staking.abi.Pack("MAX_URI_LENGTH")
}

// UnpackMAXURILENGTH is the Go binding that unpacks the parameters returned
// from invoking the contract method with ID 0xaab5a877.
//
// Solidity: function MAX_URI_LENGTH() view returns(uint256)
func (staking *Staking) UnpackMAXURILENGTH(data []byte) (*big.Int, error) {
	out, err := staking.abi.Unpack("MAX_URI_LENGTH", data)
	if err != nil {
		return new(big.Int), err
	}
	out0 := abi.ConvertType(out[0], new(big.Int)).(*big.Int)
	return out0, nil
}

// PackPPM is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x0d720bbc.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function PPM() view returns(uint32)
func (staking *Staking) PackPPM() []byte {
	enc, err := staking.abi.Pack("PPM")
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackPPM is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x0d720bbc.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function PPM() view returns(uint32)
func (staking *Staking) TryPackPPM() ([]byte, error) {
	return staking.abi.Pack("PPM")
}

// UnpackPPM is the Go binding that unpacks the parameters returned
// from invoking the contract method with ID 0x0d720bbc.
//
// Solidity: function PPM() view returns(uint32)
func (staking *Staking) UnpackPPM(data []byte) (uint32, error) {
	out, err := staking.abi.Unpack("PPM", data)
	if err != nil {
		return *new(uint32), err
	}
	out0 := *abi.ConvertType(out[0], new(uint32)).(*uint32)
	return out0, nil
}

// PackActiveCount is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x4331ed1f.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function activeCount() view returns(uint256)
func (staking *Staking) PackActiveCount() []byte {
	enc, err := staking.abi.Pack("activeCount")
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackActiveCount is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x4331ed1f.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function activeCount() view returns(uint256)
func (staking *Staking) TryPackActiveCount() ([]byte, error) {
	return staking.abi.Pack("activeCount")
}

// UnpackActiveCount is the Go binding that unpacks the parameters returned
// from invoking the contract method with ID 0x4331ed1f.
//
// Solidity: function activeCount() view returns(uint256)
func (staking *Staking) UnpackActiveCount(data []byte) (*big.Int, error) {
	out, err := staking.abi.Unpack("activeCount", data)
	if err != nil {
		return new(big.Int), err
	}
	out0 := abi.ConvertType(out[0], new(big.Int)).(*big.Int)
	return out0, nil
}

// PackActiveSet is the Go binding used to pack the parameters required for calling
// the contract method with ID 0xfd4665ae.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function activeSet() view returns(uint256[])
func (staking *Staking) PackActiveSet() []byte {
	enc, err := staking.abi.Pack("activeSet")
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackActiveSet is the Go binding used to pack the parameters required for calling
// the contract method with ID 0xfd4665ae.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function activeSet() view returns(uint256[])
func (staking *Staking) TryPackActiveSet() ([]byte, error) {
	return staking.abi.Pack("activeSet")
}

// UnpackActiveSet is the Go binding that unpacks the parameters returned
// from invoking the contract method with ID 0xfd4665ae.
//
// Solidity: function activeSet() view returns(uint256[])
func (staking *Staking) UnpackActiveSet(data []byte) ([]*big.Int, error) {
	out, err := staking.abi.Unpack("activeSet", data)
	if err != nil {
		return *new([]*big.Int), err
	}
	out0 := *abi.ConvertType(out[0], new([]*big.Int)).(*[]*big.Int)
	return out0, nil
}

// PackClaimFees is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x2dbfa735.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function claimFees(address orchestrator, address to) returns(uint256 amount)
func (staking *Staking) PackClaimFees(orchestrator common.Address, to common.Address) []byte {
	enc, err := staking.abi.Pack("claimFees", orchestrator, to)
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackClaimFees is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x2dbfa735.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function claimFees(address orchestrator, address to) returns(uint256 amount)
func (staking *Staking) TryPackClaimFees(orchestrator common.Address, to common.Address) ([]byte, error) {
	return staking.abi.Pack("claimFees", orchestrator, to)
}

// UnpackClaimFees is the Go binding that unpacks the parameters returned
// from invoking the contract method with ID 0x2dbfa735.
//
// Solidity: function claimFees(address orchestrator, address to) returns(uint256 amount)
func (staking *Staking) UnpackClaimFees(data []byte) (*big.Int, error) {
	out, err := staking.abi.Unpack("claimFees", data)
	if err != nil {
		return new(big.Int), err
	}
	out0 := abi.ConvertType(out[0], new(big.Int)).(*big.Int)
	return out0, nil
}

// PackDelegate is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x026e402b.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function delegate(address orchestrator, uint256 amount) returns()
func (staking *Staking) PackDelegate(orchestrator common.Address, amount *big.Int) []byte {
	enc, err := staking.abi.Pack("delegate", orchestrator, amount)
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackDelegate is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x026e402b.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function delegate(address orchestrator, uint256 amount) returns()
func (staking *Staking) TryPackDelegate(orchestrator common.Address, amount *big.Int) ([]byte, error) {
	return staking.abi.Pack("delegate", orchestrator, amount)
}

// PackDepositFees is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x7f067a25.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function depositFees(address orchestrator) payable returns()
func (staking *Staking) PackDepositFees(orchestrator common.Address) []byte {
	enc, err := staking.abi.Pack("depositFees", orchestrator)
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackDepositFees is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x7f067a25.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function depositFees(address orchestrator) payable returns()
func (staking *Staking) TryPackDepositFees(orchestrator common.Address) ([]byte, error) {
	return staking.abi.Pack("depositFees", orchestrator)
}

// PackIsEligible is the Go binding used to pack the parameters required for calling
// the contract method with ID 0xb04ef882.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function isEligible(address orchestrator, uint64 round) view returns(bool)
func (staking *Staking) PackIsEligible(orchestrator common.Address, round uint64) []byte {
	enc, err := staking.abi.Pack("isEligible", orchestrator, round)
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackIsEligible is the Go binding used to pack the parameters required for calling
// the contract method with ID 0xb04ef882.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function isEligible(address orchestrator, uint64 round) view returns(bool)
func (staking *Staking) TryPackIsEligible(orchestrator common.Address, round uint64) ([]byte, error) {
	return staking.abi.Pack("isEligible", orchestrator, round)
}

// UnpackIsEligible is the Go binding that unpacks the parameters returned
// from invoking the contract method with ID 0xb04ef882.
//
// Solidity: function isEligible(address orchestrator, uint64 round) view returns(bool)
func (staking *Staking) UnpackIsEligible(data []byte) (bool, error) {
	out, err := staking.abi.Unpack("isEligible", data)
	if err != nil {
		return *new(bool), err
	}
	out0 := *abi.ConvertType(out[0], new(bool)).(*bool)
	return out0, nil
}

// PackJoin is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x28ffe6c8.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function join(address victim) returns()
func (staking *Staking) PackJoin(victim common.Address) []byte {
	enc, err := staking.abi.Pack("join", victim)
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackJoin is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x28ffe6c8.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function join(address victim) returns()
func (staking *Staking) TryPackJoin(victim common.Address) ([]byte, error) {
	return staking.abi.Pack("join", victim)
}

// PackMaxActive is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x076b4534.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function maxActive() view returns(uint16)
func (staking *Staking) PackMaxActive() []byte {
	enc, err := staking.abi.Pack("maxActive")
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackMaxActive is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x076b4534.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function maxActive() view returns(uint16)
func (staking *Staking) TryPackMaxActive() ([]byte, error) {
	return staking.abi.Pack("maxActive")
}

// UnpackMaxActive is the Go binding that unpacks the parameters returned
// from invoking the contract method with ID 0x076b4534.
//
// Solidity: function maxActive() view returns(uint16)
func (staking *Staking) UnpackMaxActive(data []byte) (uint16, error) {
	out, err := staking.abi.Unpack("maxActive", data)
	if err != nil {
		return *new(uint16), err
	}
	out0 := *abi.ConvertType(out[0], new(uint16)).(*uint16)
	return out0, nil
}

// PackMinSelfStake is the Go binding used to pack the parameters required for calling
// the contract method with ID 0xc5f530af.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function minSelfStake() view returns(uint256)
func (staking *Staking) PackMinSelfStake() []byte {
	enc, err := staking.abi.Pack("minSelfStake")
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackMinSelfStake is the Go binding used to pack the parameters required for calling
// the contract method with ID 0xc5f530af.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function minSelfStake() view returns(uint256)
func (staking *Staking) TryPackMinSelfStake() ([]byte, error) {
	return staking.abi.Pack("minSelfStake")
}

// UnpackMinSelfStake is the Go binding that unpacks the parameters returned
// from invoking the contract method with ID 0xc5f530af.
//
// Solidity: function minSelfStake() view returns(uint256)
func (staking *Staking) UnpackMinSelfStake(data []byte) (*big.Int, error) {
	out, err := staking.abi.Unpack("minSelfStake", data)
	if err != nil {
		return new(big.Int), err
	}
	out0 := abi.ConvertType(out[0], new(big.Int)).(*big.Int)
	return out0, nil
}

// PackOperatorAt is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x790a5e3e.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function operatorAt(address orchestrator, uint64 round) view returns(address)
func (staking *Staking) PackOperatorAt(orchestrator common.Address, round uint64) []byte {
	enc, err := staking.abi.Pack("operatorAt", orchestrator, round)
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackOperatorAt is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x790a5e3e.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function operatorAt(address orchestrator, uint64 round) view returns(address)
func (staking *Staking) TryPackOperatorAt(orchestrator common.Address, round uint64) ([]byte, error) {
	return staking.abi.Pack("operatorAt", orchestrator, round)
}

// UnpackOperatorAt is the Go binding that unpacks the parameters returned
// from invoking the contract method with ID 0x790a5e3e.
//
// Solidity: function operatorAt(address orchestrator, uint64 round) view returns(address)
func (staking *Staking) UnpackOperatorAt(data []byte) (common.Address, error) {
	out, err := staking.abi.Unpack("operatorAt", data)
	if err != nil {
		return *new(common.Address), err
	}
	out0 := *abi.ConvertType(out[0], new(common.Address)).(*common.Address)
	return out0, nil
}

// PackOrchestratorInfo is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x55b4ed50.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function orchestratorInfo(address id) view returns((address,address,uint256,uint256,uint32,uint32,bool,uint64,string))
func (staking *Staking) PackOrchestratorInfo(id common.Address) []byte {
	enc, err := staking.abi.Pack("orchestratorInfo", id)
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackOrchestratorInfo is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x55b4ed50.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function orchestratorInfo(address id) view returns((address,address,uint256,uint256,uint32,uint32,bool,uint64,string))
func (staking *Staking) TryPackOrchestratorInfo(id common.Address) ([]byte, error) {
	return staking.abi.Pack("orchestratorInfo", id)
}

// UnpackOrchestratorInfo is the Go binding that unpacks the parameters returned
// from invoking the contract method with ID 0x55b4ed50.
//
// Solidity: function orchestratorInfo(address id) view returns((address,address,uint256,uint256,uint32,uint32,bool,uint64,string))
func (staking *Staking) UnpackOrchestratorInfo(data []byte) (StakingListing, error) {
	out, err := staking.abi.Unpack("orchestratorInfo", data)
	if err != nil {
		return *new(StakingListing), err
	}
	out0 := *abi.ConvertType(out[0], new(StakingListing)).(*StakingListing)
	return out0, nil
}

// PackOrchestratorOf is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x3e711538.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function orchestratorOf(address operator) view returns(address orchestrator)
func (staking *Staking) PackOrchestratorOf(operator common.Address) []byte {
	enc, err := staking.abi.Pack("orchestratorOf", operator)
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackOrchestratorOf is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x3e711538.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function orchestratorOf(address operator) view returns(address orchestrator)
func (staking *Staking) TryPackOrchestratorOf(operator common.Address) ([]byte, error) {
	return staking.abi.Pack("orchestratorOf", operator)
}

// UnpackOrchestratorOf is the Go binding that unpacks the parameters returned
// from invoking the contract method with ID 0x3e711538.
//
// Solidity: function orchestratorOf(address operator) view returns(address orchestrator)
func (staking *Staking) UnpackOrchestratorOf(data []byte) (common.Address, error) {
	out, err := staking.abi.Unpack("orchestratorOf", data)
	if err != nil {
		return *new(common.Address), err
	}
	out0 := *abi.ConvertType(out[0], new(common.Address)).(*common.Address)
	return out0, nil
}

// PackOrchestrators is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x814e9e95.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function orchestrators(uint256 offset, uint256 limit) view returns((address,address,uint256,uint256,uint32,uint32,bool,uint64,string)[] list)
func (staking *Staking) PackOrchestrators(offset *big.Int, limit *big.Int) []byte {
	enc, err := staking.abi.Pack("orchestrators", offset, limit)
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackOrchestrators is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x814e9e95.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function orchestrators(uint256 offset, uint256 limit) view returns((address,address,uint256,uint256,uint32,uint32,bool,uint64,string)[] list)
func (staking *Staking) TryPackOrchestrators(offset *big.Int, limit *big.Int) ([]byte, error) {
	return staking.abi.Pack("orchestrators", offset, limit)
}

// UnpackOrchestrators is the Go binding that unpacks the parameters returned
// from invoking the contract method with ID 0x814e9e95.
//
// Solidity: function orchestrators(uint256 offset, uint256 limit) view returns((address,address,uint256,uint256,uint32,uint32,bool,uint64,string)[] list)
func (staking *Staking) UnpackOrchestrators(data []byte) ([]StakingListing, error) {
	out, err := staking.abi.Unpack("orchestrators", data)
	if err != nil {
		return *new([]StakingListing), err
	}
	out0 := *abi.ConvertType(out[0], new([]StakingListing)).(*[]StakingListing)
	return out0, nil
}

// PackPoolInfo is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x9a7b5f11.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function poolInfo(address orchestrator) view returns(uint256 shares, uint256 received, uint256 paid)
func (staking *Staking) PackPoolInfo(orchestrator common.Address) []byte {
	enc, err := staking.abi.Pack("poolInfo", orchestrator)
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackPoolInfo is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x9a7b5f11.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function poolInfo(address orchestrator) view returns(uint256 shares, uint256 received, uint256 paid)
func (staking *Staking) TryPackPoolInfo(orchestrator common.Address) ([]byte, error) {
	return staking.abi.Pack("poolInfo", orchestrator)
}

// PoolInfoOutput serves as a container for the return parameters of contract
// method PoolInfo.
type PoolInfoOutput struct {
	Shares   *big.Int
	Received *big.Int
	Paid     *big.Int
}

// UnpackPoolInfo is the Go binding that unpacks the parameters returned
// from invoking the contract method with ID 0x9a7b5f11.
//
// Solidity: function poolInfo(address orchestrator) view returns(uint256 shares, uint256 received, uint256 paid)
func (staking *Staking) UnpackPoolInfo(data []byte) (PoolInfoOutput, error) {
	out, err := staking.abi.Unpack("poolInfo", data)
	outstruct := new(PoolInfoOutput)
	if err != nil {
		return *outstruct, err
	}
	outstruct.Shares = abi.ConvertType(out[0], new(big.Int)).(*big.Int)
	outstruct.Received = abi.ConvertType(out[1], new(big.Int)).(*big.Int)
	outstruct.Paid = abi.ConvertType(out[2], new(big.Int)).(*big.Int)
	return *outstruct, nil
}

// PackPositionInfo is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x5066f3b5.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function positionInfo(address orchestrator, address delegator) view returns(uint256 stake, uint256 shares, uint256 fees)
func (staking *Staking) PackPositionInfo(orchestrator common.Address, delegator common.Address) []byte {
	enc, err := staking.abi.Pack("positionInfo", orchestrator, delegator)
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackPositionInfo is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x5066f3b5.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function positionInfo(address orchestrator, address delegator) view returns(uint256 stake, uint256 shares, uint256 fees)
func (staking *Staking) TryPackPositionInfo(orchestrator common.Address, delegator common.Address) ([]byte, error) {
	return staking.abi.Pack("positionInfo", orchestrator, delegator)
}

// PositionInfoOutput serves as a container for the return parameters of contract
// method PositionInfo.
type PositionInfoOutput struct {
	Stake  *big.Int
	Shares *big.Int
	Fees   *big.Int
}

// UnpackPositionInfo is the Go binding that unpacks the parameters returned
// from invoking the contract method with ID 0x5066f3b5.
//
// Solidity: function positionInfo(address orchestrator, address delegator) view returns(uint256 stake, uint256 shares, uint256 fees)
func (staking *Staking) UnpackPositionInfo(data []byte) (PositionInfoOutput, error) {
	out, err := staking.abi.Unpack("positionInfo", data)
	outstruct := new(PositionInfoOutput)
	if err != nil {
		return *outstruct, err
	}
	outstruct.Stake = abi.ConvertType(out[0], new(big.Int)).(*big.Int)
	outstruct.Shares = abi.ConvertType(out[1], new(big.Int)).(*big.Int)
	outstruct.Fees = abi.ConvertType(out[2], new(big.Int)).(*big.Int)
	return *outstruct, nil
}

// PackRegister is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x1e3998b3.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function register((address,uint32,uint32,string) r, uint256 stake) returns()
func (staking *Staking) PackRegister(r StakingRegistration, stake *big.Int) []byte {
	enc, err := staking.abi.Pack("register", r, stake)
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackRegister is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x1e3998b3.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function register((address,uint32,uint32,string) r, uint256 stake) returns()
func (staking *Staking) TryPackRegister(r StakingRegistration, stake *big.Int) ([]byte, error) {
	return staking.abi.Pack("register", r, stake)
}

// PackReward is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x6353586b.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function reward(address orchestrator) returns()
func (staking *Staking) PackReward(orchestrator common.Address) []byte {
	enc, err := staking.abi.Pack("reward", orchestrator)
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackReward is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x6353586b.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function reward(address orchestrator) returns()
func (staking *Staking) TryPackReward(orchestrator common.Address) ([]byte, error) {
	return staking.abi.Pack("reward", orchestrator)
}

// PackRounds is the Go binding used to pack the parameters required for calling
// the contract method with ID 0xa2e800ad.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function rounds() view returns(address)
func (staking *Staking) PackRounds() []byte {
	enc, err := staking.abi.Pack("rounds")
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackRounds is the Go binding used to pack the parameters required for calling
// the contract method with ID 0xa2e800ad.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function rounds() view returns(address)
func (staking *Staking) TryPackRounds() ([]byte, error) {
	return staking.abi.Pack("rounds")
}

// UnpackRounds is the Go binding that unpacks the parameters returned
// from invoking the contract method with ID 0xa2e800ad.
//
// Solidity: function rounds() view returns(address)
func (staking *Staking) UnpackRounds(data []byte) (common.Address, error) {
	out, err := staking.abi.Unpack("rounds", data)
	if err != nil {
		return *new(common.Address), err
	}
	out0 := *abi.ConvertType(out[0], new(common.Address)).(*common.Address)
	return out0, nil
}

// PackSetCuts is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x9d4a6d33.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function setCuts(uint32 rewardCut, uint32 feeShare) returns()
func (staking *Staking) PackSetCuts(rewardCut uint32, feeShare uint32) []byte {
	enc, err := staking.abi.Pack("setCuts", rewardCut, feeShare)
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackSetCuts is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x9d4a6d33.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function setCuts(uint32 rewardCut, uint32 feeShare) returns()
func (staking *Staking) TryPackSetCuts(rewardCut uint32, feeShare uint32) ([]byte, error) {
	return staking.abi.Pack("setCuts", rewardCut, feeShare)
}

// PackSetOperator is the Go binding used to pack the parameters required for calling
// the contract method with ID 0xb3ab15fb.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function setOperator(address operator) returns()
func (staking *Staking) PackSetOperator(operator common.Address) []byte {
	enc, err := staking.abi.Pack("setOperator", operator)
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackSetOperator is the Go binding used to pack the parameters required for calling
// the contract method with ID 0xb3ab15fb.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function setOperator(address operator) returns()
func (staking *Staking) TryPackSetOperator(operator common.Address) ([]byte, error) {
	return staking.abi.Pack("setOperator", operator)
}

// PackSetServiceURI is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x5f11301b.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function setServiceURI(string serviceURI) returns()
func (staking *Staking) PackSetServiceURI(serviceURI string) []byte {
	enc, err := staking.abi.Pack("setServiceURI", serviceURI)
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackSetServiceURI is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x5f11301b.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function setServiceURI(string serviceURI) returns()
func (staking *Staking) TryPackSetServiceURI(serviceURI string) ([]byte, error) {
	return staking.abi.Pack("setServiceURI", serviceURI)
}

// PackToken is the Go binding used to pack the parameters required for calling
// the contract method with ID 0xfc0c546a.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function token() view returns(address)
func (staking *Staking) PackToken() []byte {
	enc, err := staking.abi.Pack("token")
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackToken is the Go binding used to pack the parameters required for calling
// the contract method with ID 0xfc0c546a.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function token() view returns(address)
func (staking *Staking) TryPackToken() ([]byte, error) {
	return staking.abi.Pack("token")
}

// UnpackToken is the Go binding that unpacks the parameters returned
// from invoking the contract method with ID 0xfc0c546a.
//
// Solidity: function token() view returns(address)
func (staking *Staking) UnpackToken(data []byte) (common.Address, error) {
	out, err := staking.abi.Unpack("token", data)
	if err != nil {
		return *new(common.Address), err
	}
	out0 := *abi.ConvertType(out[0], new(common.Address)).(*common.Address)
	return out0, nil
}

// PackTotalActiveStake is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x28f73148.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function totalActiveStake() view returns(uint256)
func (staking *Staking) PackTotalActiveStake() []byte {
	enc, err := staking.abi.Pack("totalActiveStake")
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackTotalActiveStake is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x28f73148.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function totalActiveStake() view returns(uint256)
func (staking *Staking) TryPackTotalActiveStake() ([]byte, error) {
	return staking.abi.Pack("totalActiveStake")
}

// UnpackTotalActiveStake is the Go binding that unpacks the parameters returned
// from invoking the contract method with ID 0x28f73148.
//
// Solidity: function totalActiveStake() view returns(uint256)
func (staking *Staking) UnpackTotalActiveStake(data []byte) (*big.Int, error) {
	out, err := staking.abi.Unpack("totalActiveStake", data)
	if err != nil {
		return new(big.Int), err
	}
	out0 := abi.ConvertType(out[0], new(big.Int)).(*big.Int)
	return out0, nil
}

// PackUnbond is the Go binding used to pack the parameters required for calling
// the contract method with ID 0xa5d059ca.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function unbond(address orchestrator, uint256 amount) returns(uint256 id)
func (staking *Staking) PackUnbond(orchestrator common.Address, amount *big.Int) []byte {
	enc, err := staking.abi.Pack("unbond", orchestrator, amount)
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackUnbond is the Go binding used to pack the parameters required for calling
// the contract method with ID 0xa5d059ca.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function unbond(address orchestrator, uint256 amount) returns(uint256 id)
func (staking *Staking) TryPackUnbond(orchestrator common.Address, amount *big.Int) ([]byte, error) {
	return staking.abi.Pack("unbond", orchestrator, amount)
}

// UnpackUnbond is the Go binding that unpacks the parameters returned
// from invoking the contract method with ID 0xa5d059ca.
//
// Solidity: function unbond(address orchestrator, uint256 amount) returns(uint256 id)
func (staking *Staking) UnpackUnbond(data []byte) (*big.Int, error) {
	out, err := staking.abi.Unpack("unbond", data)
	if err != nil {
		return new(big.Int), err
	}
	out0 := abi.ConvertType(out[0], new(big.Int)).(*big.Int)
	return out0, nil
}

// PackUnbondingPeriod is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x6cf6d675.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function unbondingPeriod() view returns(uint64)
func (staking *Staking) PackUnbondingPeriod() []byte {
	enc, err := staking.abi.Pack("unbondingPeriod")
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackUnbondingPeriod is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x6cf6d675.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function unbondingPeriod() view returns(uint64)
func (staking *Staking) TryPackUnbondingPeriod() ([]byte, error) {
	return staking.abi.Pack("unbondingPeriod")
}

// UnpackUnbondingPeriod is the Go binding that unpacks the parameters returned
// from invoking the contract method with ID 0x6cf6d675.
//
// Solidity: function unbondingPeriod() view returns(uint64)
func (staking *Staking) UnpackUnbondingPeriod(data []byte) (uint64, error) {
	out, err := staking.abi.Unpack("unbondingPeriod", data)
	if err != nil {
		return *new(uint64), err
	}
	out0 := *abi.ConvertType(out[0], new(uint64)).(*uint64)
	return out0, nil
}

// PackUnbondings is the Go binding used to pack the parameters required for calling
// the contract method with ID 0xabbb247f.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function unbondings(address delegator) view returns((address,uint64,uint128)[])
func (staking *Staking) PackUnbondings(delegator common.Address) []byte {
	enc, err := staking.abi.Pack("unbondings", delegator)
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackUnbondings is the Go binding used to pack the parameters required for calling
// the contract method with ID 0xabbb247f.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function unbondings(address delegator) view returns((address,uint64,uint128)[])
func (staking *Staking) TryPackUnbondings(delegator common.Address) ([]byte, error) {
	return staking.abi.Pack("unbondings", delegator)
}

// UnpackUnbondings is the Go binding that unpacks the parameters returned
// from invoking the contract method with ID 0xabbb247f.
//
// Solidity: function unbondings(address delegator) view returns((address,uint64,uint128)[])
func (staking *Staking) UnpackUnbondings(data []byte) ([]StakingUnbonding, error) {
	out, err := staking.abi.Unpack("unbondings", data)
	if err != nil {
		return *new([]StakingUnbonding), err
	}
	out0 := *abi.ConvertType(out[0], new([]StakingUnbonding)).(*[]StakingUnbonding)
	return out0, nil
}

// PackWithdraw is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x2e1a7d4d.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function withdraw(uint256 id) returns()
func (staking *Staking) PackWithdraw(id *big.Int) []byte {
	enc, err := staking.abi.Pack("withdraw", id)
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackWithdraw is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x2e1a7d4d.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function withdraw(uint256 id) returns()
func (staking *Staking) TryPackWithdraw(id *big.Int) ([]byte, error) {
	return staking.abi.Pack("withdraw", id)
}

// StakingBonded represents a Bonded event raised by the Staking contract.
type StakingBonded struct {
	Orchestrator common.Address
	Delegator    common.Address
	Amount       *big.Int
	Shares       *big.Int
	Raw          *types.Log // Blockchain specific contextual infos
}

const StakingBondedEventName = "Bonded"

// ContractEventName returns the user-defined event name.
func (StakingBonded) ContractEventName() string {
	return StakingBondedEventName
}

// UnpackBondedEvent is the Go binding that unpacks the event data emitted
// by contract.
//
// Solidity: event Bonded(address indexed orchestrator, address indexed delegator, uint256 amount, uint256 shares)
func (staking *Staking) UnpackBondedEvent(log *types.Log) (*StakingBonded, error) {
	event := "Bonded"
	if len(log.Topics) == 0 {
		return nil, bind.ErrNoEventSignature
	}
	if log.Topics[0] != staking.abi.Events[event].ID {
		return nil, bind.ErrEventSignatureMismatch
	}
	out := new(StakingBonded)
	if len(log.Data) > 0 {
		if err := staking.abi.UnpackIntoInterface(out, event, log.Data); err != nil {
			return nil, err
		}
	}
	var indexed abi.Arguments
	for _, arg := range staking.abi.Events[event].Inputs {
		if arg.Indexed {
			indexed = append(indexed, arg)
		}
	}
	if err := abi.ParseTopics(out, indexed, log.Topics[1:]); err != nil {
		return nil, err
	}
	out.Raw = log
	return out, nil
}

// StakingCutsSet represents a CutsSet event raised by the Staking contract.
type StakingCutsSet struct {
	Orchestrator common.Address
	RewardCut    uint32
	FeeShare     uint32
	Raw          *types.Log // Blockchain specific contextual infos
}

const StakingCutsSetEventName = "CutsSet"

// ContractEventName returns the user-defined event name.
func (StakingCutsSet) ContractEventName() string {
	return StakingCutsSetEventName
}

// UnpackCutsSetEvent is the Go binding that unpacks the event data emitted
// by contract.
//
// Solidity: event CutsSet(address indexed orchestrator, uint32 rewardCut, uint32 feeShare)
func (staking *Staking) UnpackCutsSetEvent(log *types.Log) (*StakingCutsSet, error) {
	event := "CutsSet"
	if len(log.Topics) == 0 {
		return nil, bind.ErrNoEventSignature
	}
	if log.Topics[0] != staking.abi.Events[event].ID {
		return nil, bind.ErrEventSignatureMismatch
	}
	out := new(StakingCutsSet)
	if len(log.Data) > 0 {
		if err := staking.abi.UnpackIntoInterface(out, event, log.Data); err != nil {
			return nil, err
		}
	}
	var indexed abi.Arguments
	for _, arg := range staking.abi.Events[event].Inputs {
		if arg.Indexed {
			indexed = append(indexed, arg)
		}
	}
	if err := abi.ParseTopics(out, indexed, log.Topics[1:]); err != nil {
		return nil, err
	}
	out.Raw = log
	return out, nil
}

// StakingFeesClaimed represents a FeesClaimed event raised by the Staking contract.
type StakingFeesClaimed struct {
	Orchestrator common.Address
	Delegator    common.Address
	To           common.Address
	Amount       *big.Int
	Raw          *types.Log // Blockchain specific contextual infos
}

const StakingFeesClaimedEventName = "FeesClaimed"

// ContractEventName returns the user-defined event name.
func (StakingFeesClaimed) ContractEventName() string {
	return StakingFeesClaimedEventName
}

// UnpackFeesClaimedEvent is the Go binding that unpacks the event data emitted
// by contract.
//
// Solidity: event FeesClaimed(address indexed orchestrator, address indexed delegator, address to, uint256 amount)
func (staking *Staking) UnpackFeesClaimedEvent(log *types.Log) (*StakingFeesClaimed, error) {
	event := "FeesClaimed"
	if len(log.Topics) == 0 {
		return nil, bind.ErrNoEventSignature
	}
	if log.Topics[0] != staking.abi.Events[event].ID {
		return nil, bind.ErrEventSignatureMismatch
	}
	out := new(StakingFeesClaimed)
	if len(log.Data) > 0 {
		if err := staking.abi.UnpackIntoInterface(out, event, log.Data); err != nil {
			return nil, err
		}
	}
	var indexed abi.Arguments
	for _, arg := range staking.abi.Events[event].Inputs {
		if arg.Indexed {
			indexed = append(indexed, arg)
		}
	}
	if err := abi.ParseTopics(out, indexed, log.Topics[1:]); err != nil {
		return nil, err
	}
	out.Raw = log
	return out, nil
}

// StakingFeesDeposited represents a FeesDeposited event raised by the Staking contract.
type StakingFeesDeposited struct {
	Orchestrator common.Address
	Amount       *big.Int
	Shared       *big.Int
	Raw          *types.Log // Blockchain specific contextual infos
}

const StakingFeesDepositedEventName = "FeesDeposited"

// ContractEventName returns the user-defined event name.
func (StakingFeesDeposited) ContractEventName() string {
	return StakingFeesDepositedEventName
}

// UnpackFeesDepositedEvent is the Go binding that unpacks the event data emitted
// by contract.
//
// Solidity: event FeesDeposited(address indexed orchestrator, uint256 amount, uint256 shared)
func (staking *Staking) UnpackFeesDepositedEvent(log *types.Log) (*StakingFeesDeposited, error) {
	event := "FeesDeposited"
	if len(log.Topics) == 0 {
		return nil, bind.ErrNoEventSignature
	}
	if log.Topics[0] != staking.abi.Events[event].ID {
		return nil, bind.ErrEventSignatureMismatch
	}
	out := new(StakingFeesDeposited)
	if len(log.Data) > 0 {
		if err := staking.abi.UnpackIntoInterface(out, event, log.Data); err != nil {
			return nil, err
		}
	}
	var indexed abi.Arguments
	for _, arg := range staking.abi.Events[event].Inputs {
		if arg.Indexed {
			indexed = append(indexed, arg)
		}
	}
	if err := abi.ParseTopics(out, indexed, log.Topics[1:]); err != nil {
		return nil, err
	}
	out.Raw = log
	return out, nil
}

// StakingJoined represents a Joined event raised by the Staking contract.
type StakingJoined struct {
	Orchestrator common.Address
	ActiveFrom   uint64
	Raw          *types.Log // Blockchain specific contextual infos
}

const StakingJoinedEventName = "Joined"

// ContractEventName returns the user-defined event name.
func (StakingJoined) ContractEventName() string {
	return StakingJoinedEventName
}

// UnpackJoinedEvent is the Go binding that unpacks the event data emitted
// by contract.
//
// Solidity: event Joined(address indexed orchestrator, uint64 activeFrom)
func (staking *Staking) UnpackJoinedEvent(log *types.Log) (*StakingJoined, error) {
	event := "Joined"
	if len(log.Topics) == 0 {
		return nil, bind.ErrNoEventSignature
	}
	if log.Topics[0] != staking.abi.Events[event].ID {
		return nil, bind.ErrEventSignatureMismatch
	}
	out := new(StakingJoined)
	if len(log.Data) > 0 {
		if err := staking.abi.UnpackIntoInterface(out, event, log.Data); err != nil {
			return nil, err
		}
	}
	var indexed abi.Arguments
	for _, arg := range staking.abi.Events[event].Inputs {
		if arg.Indexed {
			indexed = append(indexed, arg)
		}
	}
	if err := abi.ParseTopics(out, indexed, log.Topics[1:]); err != nil {
		return nil, err
	}
	out.Raw = log
	return out, nil
}

// StakingLeft represents a Left event raised by the Staking contract.
type StakingLeft struct {
	Orchestrator common.Address
	Raw          *types.Log // Blockchain specific contextual infos
}

const StakingLeftEventName = "Left"

// ContractEventName returns the user-defined event name.
func (StakingLeft) ContractEventName() string {
	return StakingLeftEventName
}

// UnpackLeftEvent is the Go binding that unpacks the event data emitted
// by contract.
//
// Solidity: event Left(address indexed orchestrator)
func (staking *Staking) UnpackLeftEvent(log *types.Log) (*StakingLeft, error) {
	event := "Left"
	if len(log.Topics) == 0 {
		return nil, bind.ErrNoEventSignature
	}
	if log.Topics[0] != staking.abi.Events[event].ID {
		return nil, bind.ErrEventSignatureMismatch
	}
	out := new(StakingLeft)
	if len(log.Data) > 0 {
		if err := staking.abi.UnpackIntoInterface(out, event, log.Data); err != nil {
			return nil, err
		}
	}
	var indexed abi.Arguments
	for _, arg := range staking.abi.Events[event].Inputs {
		if arg.Indexed {
			indexed = append(indexed, arg)
		}
	}
	if err := abi.ParseTopics(out, indexed, log.Topics[1:]); err != nil {
		return nil, err
	}
	out.Raw = log
	return out, nil
}

// StakingOperatorSet represents a OperatorSet event raised by the Staking contract.
type StakingOperatorSet struct {
	Orchestrator common.Address
	Operator     common.Address
	FromRound    uint64
	Raw          *types.Log // Blockchain specific contextual infos
}

const StakingOperatorSetEventName = "OperatorSet"

// ContractEventName returns the user-defined event name.
func (StakingOperatorSet) ContractEventName() string {
	return StakingOperatorSetEventName
}

// UnpackOperatorSetEvent is the Go binding that unpacks the event data emitted
// by contract.
//
// Solidity: event OperatorSet(address indexed orchestrator, address indexed operator, uint64 fromRound)
func (staking *Staking) UnpackOperatorSetEvent(log *types.Log) (*StakingOperatorSet, error) {
	event := "OperatorSet"
	if len(log.Topics) == 0 {
		return nil, bind.ErrNoEventSignature
	}
	if log.Topics[0] != staking.abi.Events[event].ID {
		return nil, bind.ErrEventSignatureMismatch
	}
	out := new(StakingOperatorSet)
	if len(log.Data) > 0 {
		if err := staking.abi.UnpackIntoInterface(out, event, log.Data); err != nil {
			return nil, err
		}
	}
	var indexed abi.Arguments
	for _, arg := range staking.abi.Events[event].Inputs {
		if arg.Indexed {
			indexed = append(indexed, arg)
		}
	}
	if err := abi.ParseTopics(out, indexed, log.Topics[1:]); err != nil {
		return nil, err
	}
	out.Raw = log
	return out, nil
}

// StakingRegistered represents a Registered event raised by the Staking contract.
type StakingRegistered struct {
	Orchestrator common.Address
	Raw          *types.Log // Blockchain specific contextual infos
}

const StakingRegisteredEventName = "Registered"

// ContractEventName returns the user-defined event name.
func (StakingRegistered) ContractEventName() string {
	return StakingRegisteredEventName
}

// UnpackRegisteredEvent is the Go binding that unpacks the event data emitted
// by contract.
//
// Solidity: event Registered(address indexed orchestrator)
func (staking *Staking) UnpackRegisteredEvent(log *types.Log) (*StakingRegistered, error) {
	event := "Registered"
	if len(log.Topics) == 0 {
		return nil, bind.ErrNoEventSignature
	}
	if log.Topics[0] != staking.abi.Events[event].ID {
		return nil, bind.ErrEventSignatureMismatch
	}
	out := new(StakingRegistered)
	if len(log.Data) > 0 {
		if err := staking.abi.UnpackIntoInterface(out, event, log.Data); err != nil {
			return nil, err
		}
	}
	var indexed abi.Arguments
	for _, arg := range staking.abi.Events[event].Inputs {
		if arg.Indexed {
			indexed = append(indexed, arg)
		}
	}
	if err := abi.ParseTopics(out, indexed, log.Topics[1:]); err != nil {
		return nil, err
	}
	out.Raw = log
	return out, nil
}

// StakingRewarded represents a Rewarded event raised by the Staking contract.
type StakingRewarded struct {
	Orchestrator common.Address
	Round        uint64
	Amount       *big.Int
	Cut          *big.Int
	CutShares    *big.Int
	Raw          *types.Log // Blockchain specific contextual infos
}

const StakingRewardedEventName = "Rewarded"

// ContractEventName returns the user-defined event name.
func (StakingRewarded) ContractEventName() string {
	return StakingRewardedEventName
}

// UnpackRewardedEvent is the Go binding that unpacks the event data emitted
// by contract.
//
// Solidity: event Rewarded(address indexed orchestrator, uint64 indexed round, uint256 amount, uint256 cut, uint256 cutShares)
func (staking *Staking) UnpackRewardedEvent(log *types.Log) (*StakingRewarded, error) {
	event := "Rewarded"
	if len(log.Topics) == 0 {
		return nil, bind.ErrNoEventSignature
	}
	if log.Topics[0] != staking.abi.Events[event].ID {
		return nil, bind.ErrEventSignatureMismatch
	}
	out := new(StakingRewarded)
	if len(log.Data) > 0 {
		if err := staking.abi.UnpackIntoInterface(out, event, log.Data); err != nil {
			return nil, err
		}
	}
	var indexed abi.Arguments
	for _, arg := range staking.abi.Events[event].Inputs {
		if arg.Indexed {
			indexed = append(indexed, arg)
		}
	}
	if err := abi.ParseTopics(out, indexed, log.Topics[1:]); err != nil {
		return nil, err
	}
	out.Raw = log
	return out, nil
}

// StakingServiceURISet represents a ServiceURISet event raised by the Staking contract.
type StakingServiceURISet struct {
	Orchestrator common.Address
	ServiceURI   string
	Raw          *types.Log // Blockchain specific contextual infos
}

const StakingServiceURISetEventName = "ServiceURISet"

// ContractEventName returns the user-defined event name.
func (StakingServiceURISet) ContractEventName() string {
	return StakingServiceURISetEventName
}

// UnpackServiceURISetEvent is the Go binding that unpacks the event data emitted
// by contract.
//
// Solidity: event ServiceURISet(address indexed orchestrator, string serviceURI)
func (staking *Staking) UnpackServiceURISetEvent(log *types.Log) (*StakingServiceURISet, error) {
	event := "ServiceURISet"
	if len(log.Topics) == 0 {
		return nil, bind.ErrNoEventSignature
	}
	if log.Topics[0] != staking.abi.Events[event].ID {
		return nil, bind.ErrEventSignatureMismatch
	}
	out := new(StakingServiceURISet)
	if len(log.Data) > 0 {
		if err := staking.abi.UnpackIntoInterface(out, event, log.Data); err != nil {
			return nil, err
		}
	}
	var indexed abi.Arguments
	for _, arg := range staking.abi.Events[event].Inputs {
		if arg.Indexed {
			indexed = append(indexed, arg)
		}
	}
	if err := abi.ParseTopics(out, indexed, log.Topics[1:]); err != nil {
		return nil, err
	}
	out.Raw = log
	return out, nil
}

// StakingUnbonded represents a Unbonded event raised by the Staking contract.
type StakingUnbonded struct {
	Orchestrator common.Address
	Delegator    common.Address
	Id           *big.Int
	Amount       *big.Int
	Shares       *big.Int
	ReleaseAt    uint64
	Raw          *types.Log // Blockchain specific contextual infos
}

const StakingUnbondedEventName = "Unbonded"

// ContractEventName returns the user-defined event name.
func (StakingUnbonded) ContractEventName() string {
	return StakingUnbondedEventName
}

// UnpackUnbondedEvent is the Go binding that unpacks the event data emitted
// by contract.
//
// Solidity: event Unbonded(address indexed orchestrator, address indexed delegator, uint256 id, uint256 amount, uint256 shares, uint64 releaseAt)
func (staking *Staking) UnpackUnbondedEvent(log *types.Log) (*StakingUnbonded, error) {
	event := "Unbonded"
	if len(log.Topics) == 0 {
		return nil, bind.ErrNoEventSignature
	}
	if log.Topics[0] != staking.abi.Events[event].ID {
		return nil, bind.ErrEventSignatureMismatch
	}
	out := new(StakingUnbonded)
	if len(log.Data) > 0 {
		if err := staking.abi.UnpackIntoInterface(out, event, log.Data); err != nil {
			return nil, err
		}
	}
	var indexed abi.Arguments
	for _, arg := range staking.abi.Events[event].Inputs {
		if arg.Indexed {
			indexed = append(indexed, arg)
		}
	}
	if err := abi.ParseTopics(out, indexed, log.Topics[1:]); err != nil {
		return nil, err
	}
	out.Raw = log
	return out, nil
}

// StakingWithdrawn represents a Withdrawn event raised by the Staking contract.
type StakingWithdrawn struct {
	Delegator common.Address
	Id        *big.Int
	Amount    *big.Int
	Raw       *types.Log // Blockchain specific contextual infos
}

const StakingWithdrawnEventName = "Withdrawn"

// ContractEventName returns the user-defined event name.
func (StakingWithdrawn) ContractEventName() string {
	return StakingWithdrawnEventName
}

// UnpackWithdrawnEvent is the Go binding that unpacks the event data emitted
// by contract.
//
// Solidity: event Withdrawn(address indexed delegator, uint256 id, uint256 amount)
func (staking *Staking) UnpackWithdrawnEvent(log *types.Log) (*StakingWithdrawn, error) {
	event := "Withdrawn"
	if len(log.Topics) == 0 {
		return nil, bind.ErrNoEventSignature
	}
	if log.Topics[0] != staking.abi.Events[event].ID {
		return nil, bind.ErrEventSignatureMismatch
	}
	out := new(StakingWithdrawn)
	if len(log.Data) > 0 {
		if err := staking.abi.UnpackIntoInterface(out, event, log.Data); err != nil {
			return nil, err
		}
	}
	var indexed abi.Arguments
	for _, arg := range staking.abi.Events[event].Inputs {
		if arg.Indexed {
			indexed = append(indexed, arg)
		}
	}
	if err := abi.ParseTopics(out, indexed, log.Topics[1:]); err != nil {
		return nil, err
	}
	out.Raw = log
	return out, nil
}

// UnpackError attempts to decode the provided error data using user-defined
// error definitions.
func (staking *Staking) UnpackError(raw []byte) (any, error) {
	if bytes.Equal(raw[:4], staking.abi.Errors["AlreadyActive"].ID.Bytes()[:4]) {
		return staking.UnpackAlreadyActiveError(raw[4:])
	}
	if bytes.Equal(raw[:4], staking.abi.Errors["AlreadyRegistered"].ID.Bytes()[:4]) {
		return staking.UnpackAlreadyRegisteredError(raw[4:])
	}
	if bytes.Equal(raw[:4], staking.abi.Errors["AlreadyRewarded"].ID.Bytes()[:4]) {
		return staking.UnpackAlreadyRewardedError(raw[4:])
	}
	if bytes.Equal(raw[:4], staking.abi.Errors["CheckpointUnorderedInsertion"].ID.Bytes()[:4]) {
		return staking.UnpackCheckpointUnorderedInsertionError(raw[4:])
	}
	if bytes.Equal(raw[:4], staking.abi.Errors["FailedCall"].ID.Bytes()[:4]) {
		return staking.UnpackFailedCallError(raw[4:])
	}
	if bytes.Equal(raw[:4], staking.abi.Errors["InsufficientBalance"].ID.Bytes()[:4]) {
		return staking.UnpackInsufficientBalanceError(raw[4:])
	}
	if bytes.Equal(raw[:4], staking.abi.Errors["InsufficientStake"].ID.Bytes()[:4]) {
		return staking.UnpackInsufficientStakeError(raw[4:])
	}
	if bytes.Equal(raw[:4], staking.abi.Errors["InvalidCut"].ID.Bytes()[:4]) {
		return staking.UnpackInvalidCutError(raw[4:])
	}
	if bytes.Equal(raw[:4], staking.abi.Errors["InvalidOperator"].ID.Bytes()[:4]) {
		return staking.UnpackInvalidOperatorError(raw[4:])
	}
	if bytes.Equal(raw[:4], staking.abi.Errors["InvalidParameters"].ID.Bytes()[:4]) {
		return staking.UnpackInvalidParametersError(raw[4:])
	}
	if bytes.Equal(raw[:4], staking.abi.Errors["InvalidServiceURI"].ID.Bytes()[:4]) {
		return staking.UnpackInvalidServiceURIError(raw[4:])
	}
	if bytes.Equal(raw[:4], staking.abi.Errors["NotActive"].ID.Bytes()[:4]) {
		return staking.UnpackNotActiveError(raw[4:])
	}
	if bytes.Equal(raw[:4], staking.abi.Errors["NotRegistered"].ID.Bytes()[:4]) {
		return staking.UnpackNotRegisteredError(raw[4:])
	}
	if bytes.Equal(raw[:4], staking.abi.Errors["NotReleased"].ID.Bytes()[:4]) {
		return staking.UnpackNotReleasedError(raw[4:])
	}
	if bytes.Equal(raw[:4], staking.abi.Errors["SafeCastOverflowedUintDowncast"].ID.Bytes()[:4]) {
		return staking.UnpackSafeCastOverflowedUintDowncastError(raw[4:])
	}
	if bytes.Equal(raw[:4], staking.abi.Errors["SafeERC20FailedOperation"].ID.Bytes()[:4]) {
		return staking.UnpackSafeERC20FailedOperationError(raw[4:])
	}
	if bytes.Equal(raw[:4], staking.abi.Errors["SelfStakeTooLow"].ID.Bytes()[:4]) {
		return staking.UnpackSelfStakeTooLowError(raw[4:])
	}
	if bytes.Equal(raw[:4], staking.abi.Errors["SetFull"].ID.Bytes()[:4]) {
		return staking.UnpackSetFullError(raw[4:])
	}
	if bytes.Equal(raw[:4], staking.abi.Errors["ZeroAmount"].ID.Bytes()[:4]) {
		return staking.UnpackZeroAmountError(raw[4:])
	}
	return nil, errors.New("Unknown error")
}

// StakingAlreadyActive represents a AlreadyActive error raised by the Staking contract.
type StakingAlreadyActive struct {
	Orchestrator common.Address
}

// ErrorID returns the hash of canonical representation of the error's signature.
//
// Solidity: error AlreadyActive(address orchestrator)
func StakingAlreadyActiveErrorID() common.Hash {
	return common.HexToHash("0x0e1f74ff7d628eb393c3a3e64ed3dc760b4cd4c864502b7967d19eed9c5d0c1d")
}

// UnpackAlreadyActiveError is the Go binding used to decode the provided
// error data into the corresponding Go error struct.
//
// Solidity: error AlreadyActive(address orchestrator)
func (staking *Staking) UnpackAlreadyActiveError(raw []byte) (*StakingAlreadyActive, error) {
	out := new(StakingAlreadyActive)
	if err := staking.abi.UnpackIntoInterface(out, "AlreadyActive", raw); err != nil {
		return nil, err
	}
	return out, nil
}

// StakingAlreadyRegistered represents a AlreadyRegistered error raised by the Staking contract.
type StakingAlreadyRegistered struct {
	Orchestrator common.Address
}

// ErrorID returns the hash of canonical representation of the error's signature.
//
// Solidity: error AlreadyRegistered(address orchestrator)
func StakingAlreadyRegisteredErrorID() common.Hash {
	return common.HexToHash("0x45ed80e9399c87887ea54f615514a1e3dde31e9b6c027ddceb4ffd503b70e428")
}

// UnpackAlreadyRegisteredError is the Go binding used to decode the provided
// error data into the corresponding Go error struct.
//
// Solidity: error AlreadyRegistered(address orchestrator)
func (staking *Staking) UnpackAlreadyRegisteredError(raw []byte) (*StakingAlreadyRegistered, error) {
	out := new(StakingAlreadyRegistered)
	if err := staking.abi.UnpackIntoInterface(out, "AlreadyRegistered", raw); err != nil {
		return nil, err
	}
	return out, nil
}

// StakingAlreadyRewarded represents a AlreadyRewarded error raised by the Staking contract.
type StakingAlreadyRewarded struct {
	Round uint64
}

// ErrorID returns the hash of canonical representation of the error's signature.
//
// Solidity: error AlreadyRewarded(uint64 round)
func StakingAlreadyRewardedErrorID() common.Hash {
	return common.HexToHash("0xabc452f9b95c5c34eb4566b1dc90b5a21e85cb69312a34d429fae2c65990b4d0")
}

// UnpackAlreadyRewardedError is the Go binding used to decode the provided
// error data into the corresponding Go error struct.
//
// Solidity: error AlreadyRewarded(uint64 round)
func (staking *Staking) UnpackAlreadyRewardedError(raw []byte) (*StakingAlreadyRewarded, error) {
	out := new(StakingAlreadyRewarded)
	if err := staking.abi.UnpackIntoInterface(out, "AlreadyRewarded", raw); err != nil {
		return nil, err
	}
	return out, nil
}

// StakingCheckpointUnorderedInsertion represents a CheckpointUnorderedInsertion error raised by the Staking contract.
type StakingCheckpointUnorderedInsertion struct {
}

// ErrorID returns the hash of canonical representation of the error's signature.
//
// Solidity: error CheckpointUnorderedInsertion()
func StakingCheckpointUnorderedInsertionErrorID() common.Hash {
	return common.HexToHash("0x2520601d9d60b717c34a36ad270857824c5a1ebbfd08ff39aba6930089495cfa")
}

// UnpackCheckpointUnorderedInsertionError is the Go binding used to decode the provided
// error data into the corresponding Go error struct.
//
// Solidity: error CheckpointUnorderedInsertion()
func (staking *Staking) UnpackCheckpointUnorderedInsertionError(raw []byte) (*StakingCheckpointUnorderedInsertion, error) {
	out := new(StakingCheckpointUnorderedInsertion)
	if err := staking.abi.UnpackIntoInterface(out, "CheckpointUnorderedInsertion", raw); err != nil {
		return nil, err
	}
	return out, nil
}

// StakingFailedCall represents a FailedCall error raised by the Staking contract.
type StakingFailedCall struct {
}

// ErrorID returns the hash of canonical representation of the error's signature.
//
// Solidity: error FailedCall()
func StakingFailedCallErrorID() common.Hash {
	return common.HexToHash("0xd6bda27508c0fb6d8a39b4b122878dab26f731a7d4e4abe711dd3731899052a4")
}

// UnpackFailedCallError is the Go binding used to decode the provided
// error data into the corresponding Go error struct.
//
// Solidity: error FailedCall()
func (staking *Staking) UnpackFailedCallError(raw []byte) (*StakingFailedCall, error) {
	out := new(StakingFailedCall)
	if err := staking.abi.UnpackIntoInterface(out, "FailedCall", raw); err != nil {
		return nil, err
	}
	return out, nil
}

// StakingInsufficientBalance represents a InsufficientBalance error raised by the Staking contract.
type StakingInsufficientBalance struct {
	Balance *big.Int
	Needed  *big.Int
}

// ErrorID returns the hash of canonical representation of the error's signature.
//
// Solidity: error InsufficientBalance(uint256 balance, uint256 needed)
func StakingInsufficientBalanceErrorID() common.Hash {
	return common.HexToHash("0xcf4791818fba6e019216eb4864093b4947f674afada5d305e57d598b641dad1d")
}

// UnpackInsufficientBalanceError is the Go binding used to decode the provided
// error data into the corresponding Go error struct.
//
// Solidity: error InsufficientBalance(uint256 balance, uint256 needed)
func (staking *Staking) UnpackInsufficientBalanceError(raw []byte) (*StakingInsufficientBalance, error) {
	out := new(StakingInsufficientBalance)
	if err := staking.abi.UnpackIntoInterface(out, "InsufficientBalance", raw); err != nil {
		return nil, err
	}
	return out, nil
}

// StakingInsufficientStake represents a InsufficientStake error raised by the Staking contract.
type StakingInsufficientStake struct {
	Asked     *big.Int
	Available *big.Int
}

// ErrorID returns the hash of canonical representation of the error's signature.
//
// Solidity: error InsufficientStake(uint256 asked, uint256 available)
func StakingInsufficientStakeErrorID() common.Hash {
	return common.HexToHash("0x45be0a261a88f9fedc41221879f08865d5e8d6053c877967e6e8e39e5697e6d5")
}

// UnpackInsufficientStakeError is the Go binding used to decode the provided
// error data into the corresponding Go error struct.
//
// Solidity: error InsufficientStake(uint256 asked, uint256 available)
func (staking *Staking) UnpackInsufficientStakeError(raw []byte) (*StakingInsufficientStake, error) {
	out := new(StakingInsufficientStake)
	if err := staking.abi.UnpackIntoInterface(out, "InsufficientStake", raw); err != nil {
		return nil, err
	}
	return out, nil
}

// StakingInvalidCut represents a InvalidCut error raised by the Staking contract.
type StakingInvalidCut struct {
	Ppm uint32
}

// ErrorID returns the hash of canonical representation of the error's signature.
//
// Solidity: error InvalidCut(uint32 ppm)
func StakingInvalidCutErrorID() common.Hash {
	return common.HexToHash("0xb3db76576794b8dce60519bbc3f7760bca4b23387418a3b0036481401ecbcfeb")
}

// UnpackInvalidCutError is the Go binding used to decode the provided
// error data into the corresponding Go error struct.
//
// Solidity: error InvalidCut(uint32 ppm)
func (staking *Staking) UnpackInvalidCutError(raw []byte) (*StakingInvalidCut, error) {
	out := new(StakingInvalidCut)
	if err := staking.abi.UnpackIntoInterface(out, "InvalidCut", raw); err != nil {
		return nil, err
	}
	return out, nil
}

// StakingInvalidOperator represents a InvalidOperator error raised by the Staking contract.
type StakingInvalidOperator struct {
	Operator common.Address
}

// ErrorID returns the hash of canonical representation of the error's signature.
//
// Solidity: error InvalidOperator(address operator)
func StakingInvalidOperatorErrorID() common.Hash {
	return common.HexToHash("0x3eaa03e38745f9ef282a3d3ae730e428a187a9075ccc2a3b7a1a318fe83d25be")
}

// UnpackInvalidOperatorError is the Go binding used to decode the provided
// error data into the corresponding Go error struct.
//
// Solidity: error InvalidOperator(address operator)
func (staking *Staking) UnpackInvalidOperatorError(raw []byte) (*StakingInvalidOperator, error) {
	out := new(StakingInvalidOperator)
	if err := staking.abi.UnpackIntoInterface(out, "InvalidOperator", raw); err != nil {
		return nil, err
	}
	return out, nil
}

// StakingInvalidParameters represents a InvalidParameters error raised by the Staking contract.
type StakingInvalidParameters struct {
}

// ErrorID returns the hash of canonical representation of the error's signature.
//
// Solidity: error InvalidParameters()
func StakingInvalidParametersErrorID() common.Hash {
	return common.HexToHash("0xe52390909f87229f872871b8ab57a0e139663fb951ac6346f3852d332ca460b7")
}

// UnpackInvalidParametersError is the Go binding used to decode the provided
// error data into the corresponding Go error struct.
//
// Solidity: error InvalidParameters()
func (staking *Staking) UnpackInvalidParametersError(raw []byte) (*StakingInvalidParameters, error) {
	out := new(StakingInvalidParameters)
	if err := staking.abi.UnpackIntoInterface(out, "InvalidParameters", raw); err != nil {
		return nil, err
	}
	return out, nil
}

// StakingInvalidServiceURI represents a InvalidServiceURI error raised by the Staking contract.
type StakingInvalidServiceURI struct {
	Length *big.Int
}

// ErrorID returns the hash of canonical representation of the error's signature.
//
// Solidity: error InvalidServiceURI(uint256 length)
func StakingInvalidServiceURIErrorID() common.Hash {
	return common.HexToHash("0x118bb48fe1acc6e6997a0113ebdb09627598d4c1b66a00c33fc321d89bbf5bff")
}

// UnpackInvalidServiceURIError is the Go binding used to decode the provided
// error data into the corresponding Go error struct.
//
// Solidity: error InvalidServiceURI(uint256 length)
func (staking *Staking) UnpackInvalidServiceURIError(raw []byte) (*StakingInvalidServiceURI, error) {
	out := new(StakingInvalidServiceURI)
	if err := staking.abi.UnpackIntoInterface(out, "InvalidServiceURI", raw); err != nil {
		return nil, err
	}
	return out, nil
}

// StakingNotActive represents a NotActive error raised by the Staking contract.
type StakingNotActive struct {
	Orchestrator common.Address
}

// ErrorID returns the hash of canonical representation of the error's signature.
//
// Solidity: error NotActive(address orchestrator)
func StakingNotActiveErrorID() common.Hash {
	return common.HexToHash("0x4022bc554c72cf2c9ccd5d09c2ade2b82a349ca5f4d7a60324bb8fda79446fb3")
}

// UnpackNotActiveError is the Go binding used to decode the provided
// error data into the corresponding Go error struct.
//
// Solidity: error NotActive(address orchestrator)
func (staking *Staking) UnpackNotActiveError(raw []byte) (*StakingNotActive, error) {
	out := new(StakingNotActive)
	if err := staking.abi.UnpackIntoInterface(out, "NotActive", raw); err != nil {
		return nil, err
	}
	return out, nil
}

// StakingNotRegistered represents a NotRegistered error raised by the Staking contract.
type StakingNotRegistered struct {
	Orchestrator common.Address
}

// ErrorID returns the hash of canonical representation of the error's signature.
//
// Solidity: error NotRegistered(address orchestrator)
func StakingNotRegisteredErrorID() common.Hash {
	return common.HexToHash("0xbfc6c337a80b7b8201f77f0a2a54c6e5f7c6fd9124a749804a482fa16ee8a895")
}

// UnpackNotRegisteredError is the Go binding used to decode the provided
// error data into the corresponding Go error struct.
//
// Solidity: error NotRegistered(address orchestrator)
func (staking *Staking) UnpackNotRegisteredError(raw []byte) (*StakingNotRegistered, error) {
	out := new(StakingNotRegistered)
	if err := staking.abi.UnpackIntoInterface(out, "NotRegistered", raw); err != nil {
		return nil, err
	}
	return out, nil
}

// StakingNotReleased represents a NotReleased error raised by the Staking contract.
type StakingNotReleased struct {
	Id        *big.Int
	ReleaseAt uint64
}

// ErrorID returns the hash of canonical representation of the error's signature.
//
// Solidity: error NotReleased(uint256 id, uint64 releaseAt)
func StakingNotReleasedErrorID() common.Hash {
	return common.HexToHash("0xb994f45314200fc43c5770390423bc0333dd820c984be2e58ae2b8d2f5565893")
}

// UnpackNotReleasedError is the Go binding used to decode the provided
// error data into the corresponding Go error struct.
//
// Solidity: error NotReleased(uint256 id, uint64 releaseAt)
func (staking *Staking) UnpackNotReleasedError(raw []byte) (*StakingNotReleased, error) {
	out := new(StakingNotReleased)
	if err := staking.abi.UnpackIntoInterface(out, "NotReleased", raw); err != nil {
		return nil, err
	}
	return out, nil
}

// StakingSafeCastOverflowedUintDowncast represents a SafeCastOverflowedUintDowncast error raised by the Staking contract.
type StakingSafeCastOverflowedUintDowncast struct {
	Bits  uint8
	Value *big.Int
}

// ErrorID returns the hash of canonical representation of the error's signature.
//
// Solidity: error SafeCastOverflowedUintDowncast(uint8 bits, uint256 value)
func StakingSafeCastOverflowedUintDowncastErrorID() common.Hash {
	return common.HexToHash("0x6dfcc6503a32754ce7a89698e18201fc5294fd4aad43edefee786f88423b1a12")
}

// UnpackSafeCastOverflowedUintDowncastError is the Go binding used to decode the provided
// error data into the corresponding Go error struct.
//
// Solidity: error SafeCastOverflowedUintDowncast(uint8 bits, uint256 value)
func (staking *Staking) UnpackSafeCastOverflowedUintDowncastError(raw []byte) (*StakingSafeCastOverflowedUintDowncast, error) {
	out := new(StakingSafeCastOverflowedUintDowncast)
	if err := staking.abi.UnpackIntoInterface(out, "SafeCastOverflowedUintDowncast", raw); err != nil {
		return nil, err
	}
	return out, nil
}

// StakingSafeERC20FailedOperation represents a SafeERC20FailedOperation error raised by the Staking contract.
type StakingSafeERC20FailedOperation struct {
	Token common.Address
}

// ErrorID returns the hash of canonical representation of the error's signature.
//
// Solidity: error SafeERC20FailedOperation(address token)
func StakingSafeERC20FailedOperationErrorID() common.Hash {
	return common.HexToHash("0x5274afe73c98b4749fc91ffae6b7b574e7842cb2144a159e9377a5f20b32edf9")
}

// UnpackSafeERC20FailedOperationError is the Go binding used to decode the provided
// error data into the corresponding Go error struct.
//
// Solidity: error SafeERC20FailedOperation(address token)
func (staking *Staking) UnpackSafeERC20FailedOperationError(raw []byte) (*StakingSafeERC20FailedOperation, error) {
	out := new(StakingSafeERC20FailedOperation)
	if err := staking.abi.UnpackIntoInterface(out, "SafeERC20FailedOperation", raw); err != nil {
		return nil, err
	}
	return out, nil
}

// StakingSelfStakeTooLow represents a SelfStakeTooLow error raised by the Staking contract.
type StakingSelfStakeTooLow struct {
	SelfStake *big.Int
	Required  *big.Int
}

// ErrorID returns the hash of canonical representation of the error's signature.
//
// Solidity: error SelfStakeTooLow(uint256 selfStake, uint256 required)
func StakingSelfStakeTooLowErrorID() common.Hash {
	return common.HexToHash("0x64c83076a78411bf0f9dd80becb3992eb32202be3367c8fb94cf1dba54407aed")
}

// UnpackSelfStakeTooLowError is the Go binding used to decode the provided
// error data into the corresponding Go error struct.
//
// Solidity: error SelfStakeTooLow(uint256 selfStake, uint256 required)
func (staking *Staking) UnpackSelfStakeTooLowError(raw []byte) (*StakingSelfStakeTooLow, error) {
	out := new(StakingSelfStakeTooLow)
	if err := staking.abi.UnpackIntoInterface(out, "SelfStakeTooLow", raw); err != nil {
		return nil, err
	}
	return out, nil
}

// StakingSetFull represents a SetFull error raised by the Staking contract.
type StakingSetFull struct {
	Victim common.Address
}

// ErrorID returns the hash of canonical representation of the error's signature.
//
// Solidity: error SetFull(address victim)
func StakingSetFullErrorID() common.Hash {
	return common.HexToHash("0x0d58d9d88a1b897394966bcf53ae2268f171b6d91a46915eb351b78ac06263b0")
}

// UnpackSetFullError is the Go binding used to decode the provided
// error data into the corresponding Go error struct.
//
// Solidity: error SetFull(address victim)
func (staking *Staking) UnpackSetFullError(raw []byte) (*StakingSetFull, error) {
	out := new(StakingSetFull)
	if err := staking.abi.UnpackIntoInterface(out, "SetFull", raw); err != nil {
		return nil, err
	}
	return out, nil
}

// StakingZeroAmount represents a ZeroAmount error raised by the Staking contract.
type StakingZeroAmount struct {
}

// ErrorID returns the hash of canonical representation of the error's signature.
//
// Solidity: error ZeroAmount()
func StakingZeroAmountErrorID() common.Hash {
	return common.HexToHash("0x1f2a2005cb66a8e145327e8814e243a0996aec9bfe1e15a495778b1236dbd485")
}

// UnpackZeroAmountError is the Go binding used to decode the provided
// error data into the corresponding Go error struct.
//
// Solidity: error ZeroAmount()
func (staking *Staking) UnpackZeroAmountError(raw []byte) (*StakingZeroAmount, error) {
	out := new(StakingZeroAmount)
	if err := staking.abi.UnpackIntoInterface(out, "ZeroAmount", raw); err != nil {
		return nil, err
	}
	return out, nil
}

// TicketBrokerMetaData contains all meta data concerning the TicketBroker contract.
var TicketBrokerMetaData = bind.MetaData{
	ABI: "[{\"type\":\"constructor\",\"inputs\":[{\"name\":\"staking_\",\"type\":\"address\",\"internalType\":\"contractIStaking\"},{\"name\":\"rounds\",\"type\":\"address\",\"internalType\":\"contractIRounds\"},{\"name\":\"ticketValidity_\",\"type\":\"uint64\",\"internalType\":\"uint64\"},{\"name\":\"unlockPeriod_\",\"type\":\"uint64\",\"internalType\":\"uint64\"}],\"stateMutability\":\"nonpayable\"},{\"type\":\"function\",\"name\":\"TICKET_TYPEHASH\",\"inputs\":[],\"outputs\":[{\"name\":\"\",\"type\":\"bytes32\",\"internalType\":\"bytes32\"}],\"stateMutability\":\"view\"},{\"type\":\"function\",\"name\":\"authoriseSigner\",\"inputs\":[{\"name\":\"signer\",\"type\":\"address\",\"internalType\":\"address\"}],\"outputs\":[],\"stateMutability\":\"nonpayable\"},{\"type\":\"function\",\"name\":\"batchRedeem\",\"inputs\":[{\"name\":\"items\",\"type\":\"tuple[]\",\"internalType\":\"structTicketBroker.Redemption[]\",\"components\":[{\"name\":\"ticket\",\"type\":\"tuple\",\"internalType\":\"structTicketBroker.Ticket\",\"components\":[{\"name\":\"receiptHash\",\"type\":\"bytes32\",\"internalType\":\"bytes32\"},{\"name\":\"sender\",\"type\":\"address\",\"internalType\":\"address\"},{\"name\":\"recipient\",\"type\":\"address\",\"internalType\":\"address\"},{\"name\":\"fee\",\"type\":\"uint256\",\"internalType\":\"uint256\"},{\"name\":\"faceValue\",\"type\":\"uint256\",\"internalType\":\"uint256\"},{\"name\":\"randHash\",\"type\":\"bytes32\",\"internalType\":\"bytes32\"},{\"name\":\"lane\",\"type\":\"uint64\",\"internalType\":\"uint64\"},{\"name\":\"nonce\",\"type\":\"uint64\",\"internalType\":\"uint64\"},{\"name\":\"round\",\"type\":\"uint64\",\"internalType\":\"uint64\"},{\"name\":\"expiry\",\"type\":\"uint64\",\"internalType\":\"uint64\"}]},{\"name\":\"v\",\"type\":\"uint8\",\"internalType\":\"uint8\"},{\"name\":\"r\",\"type\":\"bytes32\",\"internalType\":\"bytes32\"},{\"name\":\"s\",\"type\":\"bytes32\",\"internalType\":\"bytes32\"},{\"name\":\"recipientRand\",\"type\":\"bytes32\",\"internalType\":\"bytes32\"}]}],\"outputs\":[{\"name\":\"outcomes\",\"type\":\"tuple[]\",\"internalType\":\"structTicketBroker.Outcome[]\",\"components\":[{\"name\":\"reason\",\"type\":\"uint8\",\"internalType\":\"enumTicketBroker.Reason\"},{\"name\":\"paid\",\"type\":\"uint256\",\"internalType\":\"uint256\"},{\"name\":\"fromReserve\",\"type\":\"uint256\",\"internalType\":\"uint256\"}]}],\"stateMutability\":\"nonpayable\"},{\"type\":\"function\",\"name\":\"cancelUnlock\",\"inputs\":[],\"outputs\":[],\"stateMutability\":\"nonpayable\"},{\"type\":\"function\",\"name\":\"currentRound\",\"inputs\":[],\"outputs\":[{\"name\":\"\",\"type\":\"uint64\",\"internalType\":\"uint64\"}],\"stateMutability\":\"view\"},{\"type\":\"function\",\"name\":\"domainSeparator\",\"inputs\":[],\"outputs\":[{\"name\":\"\",\"type\":\"bytes32\",\"internalType\":\"bytes32\"}],\"stateMutability\":\"view\"},{\"type\":\"function\",\"name\":\"enrol\",\"inputs\":[{\"name\":\"round\",\"type\":\"uint64\",\"internalType\":\"uint64\"},{\"name\":\"recipient\",\"type\":\"address\",\"internalType\":\"address\"}],\"outputs\":[],\"stateMutability\":\"nonpayable\"},{\"type\":\"function\",\"name\":\"enrolled\",\"inputs\":[{\"name\":\"round\",\"type\":\"uint64\",\"internalType\":\"uint64\"},{\"name\":\"recipient\",\"type\":\"address\",\"internalType\":\"address\"}],\"outputs\":[{\"name\":\"\",\"type\":\"bool\",\"internalType\":\"bool\"}],\"stateMutability\":\"view\"},{\"type\":\"function\",\"name\":\"fund\",\"inputs\":[{\"name\":\"deposit\",\"type\":\"uint256\",\"internalType\":\"uint256\"},{\"name\":\"reserve\",\"type\":\"uint256\",\"internalType\":\"uint256\"}],\"outputs\":[],\"stateMutability\":\"payable\"},{\"type\":\"function\",\"name\":\"fundDeposit\",\"inputs\":[],\"outputs\":[],\"stateMutability\":\"payable\"},{\"type\":\"function\",\"name\":\"fundReserve\",\"inputs\":[],\"outputs\":[],\"stateMutability\":\"payable\"},{\"type\":\"function\",\"name\":\"genesis\",\"inputs\":[],\"outputs\":[{\"name\":\"\",\"type\":\"uint64\",\"internalType\":\"uint64\"}],\"stateMutability\":\"view\"},{\"type\":\"function\",\"name\":\"isUsed\",\"inputs\":[{\"name\":\"sender\",\"type\":\"address\",\"internalType\":\"address\"},{\"name\":\"recipient\",\"type\":\"address\",\"internalType\":\"address\"},{\"name\":\"lane\",\"type\":\"uint64\",\"internalType\":\"uint64\"},{\"name\":\"nonce\",\"type\":\"uint64\",\"internalType\":\"uint64\"}],\"outputs\":[{\"name\":\"\",\"type\":\"bool\",\"internalType\":\"bool\"}],\"stateMutability\":\"view\"},{\"type\":\"function\",\"name\":\"owed\",\"inputs\":[{\"name\":\"recipient\",\"type\":\"address\",\"internalType\":\"address\"}],\"outputs\":[{\"name\":\"\",\"type\":\"uint256\",\"internalType\":\"uint256\"}],\"stateMutability\":\"view\"},{\"type\":\"function\",\"name\":\"redeem\",\"inputs\":[{\"name\":\"ticket\",\"type\":\"tuple\",\"internalType\":\"structTicketBroker.Ticket\",\"components\":[{\"name\":\"receiptHash\",\"type\":\"bytes32\",\"internalType\":\"bytes32\"},{\"name\":\"sender\",\"type\":\"address\",\"internalType\":\"address\"},{\"name\":\"recipient\",\"type\":\"address\",\"internalType\":\"address\"},{\"name\":\"fee\",\"type\":\"uint256\",\"internalType\":\"uint256\"},{\"name\":\"faceValue\",\"type\":\"uint256\",\"internalType\":\"uint256\"},{\"name\":\"randHash\",\"type\":\"bytes32\",\"internalType\":\"bytes32\"},{\"name\":\"lane\",\"type\":\"uint64\",\"internalType\":\"uint64\"},{\"name\":\"nonce\",\"type\":\"uint64\",\"internalType\":\"uint64\"},{\"name\":\"round\",\"type\":\"uint64\",\"internalType\":\"uint64\"},{\"name\":\"expiry\",\"type\":\"uint64\",\"internalType\":\"uint64\"}]},{\"name\":\"v\",\"type\":\"uint8\",\"internalType\":\"uint8\"},{\"name\":\"r\",\"type\":\"bytes32\",\"internalType\":\"bytes32\"},{\"name\":\"s\",\"type\":\"bytes32\",\"internalType\":\"bytes32\"},{\"name\":\"recipientRand\",\"type\":\"bytes32\",\"internalType\":\"bytes32\"},{\"name\":\"minPayout\",\"type\":\"uint256\",\"internalType\":\"uint256\"}],\"outputs\":[{\"name\":\"paid\",\"type\":\"uint256\",\"internalType\":\"uint256\"}],\"stateMutability\":\"nonpayable\"},{\"type\":\"function\",\"name\":\"reserveShare\",\"inputs\":[{\"name\":\"sender\",\"type\":\"address\",\"internalType\":\"address\"},{\"name\":\"recipient\",\"type\":\"address\",\"internalType\":\"address\"},{\"name\":\"round\",\"type\":\"uint64\",\"internalType\":\"uint64\"}],\"outputs\":[{\"name\":\"share\",\"type\":\"uint256\",\"internalType\":\"uint256\"},{\"name\":\"claimed\",\"type\":\"uint256\",\"internalType\":\"uint256\"}],\"stateMutability\":\"view\"},{\"type\":\"function\",\"name\":\"revokeSigner\",\"inputs\":[{\"name\":\"signer\",\"type\":\"address\",\"internalType\":\"address\"}],\"outputs\":[],\"stateMutability\":\"nonpayable\"},{\"type\":\"function\",\"name\":\"roundLength\",\"inputs\":[],\"outputs\":[{\"name\":\"\",\"type\":\"uint64\",\"internalType\":\"uint64\"}],\"stateMutability\":\"view\"},{\"type\":\"function\",\"name\":\"senderInfo\",\"inputs\":[{\"name\":\"sender\",\"type\":\"address\",\"internalType\":\"address\"}],\"outputs\":[{\"name\":\"deposit\",\"type\":\"uint256\",\"internalType\":\"uint256\"},{\"name\":\"reserve\",\"type\":\"uint256\",\"internalType\":\"uint256\"},{\"name\":\"unlockAt\",\"type\":\"uint64\",\"internalType\":\"uint64\"}],\"stateMutability\":\"view\"},{\"type\":\"function\",\"name\":\"setSize\",\"inputs\":[{\"name\":\"round\",\"type\":\"uint64\",\"internalType\":\"uint64\"}],\"outputs\":[{\"name\":\"\",\"type\":\"uint256\",\"internalType\":\"uint256\"}],\"stateMutability\":\"view\"},{\"type\":\"function\",\"name\":\"signerUntil\",\"inputs\":[{\"name\":\"sender\",\"type\":\"address\",\"internalType\":\"address\"},{\"name\":\"signer\",\"type\":\"address\",\"internalType\":\"address\"}],\"outputs\":[{\"name\":\"\",\"type\":\"uint64\",\"internalType\":\"uint64\"}],\"stateMutability\":\"view\"},{\"type\":\"function\",\"name\":\"staking\",\"inputs\":[],\"outputs\":[{\"name\":\"\",\"type\":\"address\",\"internalType\":\"contractIStaking\"}],\"stateMutability\":\"view\"},{\"type\":\"function\",\"name\":\"sweep\",\"inputs\":[{\"name\":\"recipient\",\"type\":\"address\",\"internalType\":\"address\"}],\"outputs\":[{\"name\":\"amount\",\"type\":\"uint256\",\"internalType\":\"uint256\"}],\"stateMutability\":\"nonpayable\"},{\"type\":\"function\",\"name\":\"ticketHash\",\"inputs\":[{\"name\":\"ticket\",\"type\":\"tuple\",\"internalType\":\"structTicketBroker.Ticket\",\"components\":[{\"name\":\"receiptHash\",\"type\":\"bytes32\",\"internalType\":\"bytes32\"},{\"name\":\"sender\",\"type\":\"address\",\"internalType\":\"address\"},{\"name\":\"recipient\",\"type\":\"address\",\"internalType\":\"address\"},{\"name\":\"fee\",\"type\":\"uint256\",\"internalType\":\"uint256\"},{\"name\":\"faceValue\",\"type\":\"uint256\",\"internalType\":\"uint256\"},{\"name\":\"randHash\",\"type\":\"bytes32\",\"internalType\":\"bytes32\"},{\"name\":\"lane\",\"type\":\"uint64\",\"internalType\":\"uint64\"},{\"name\":\"nonce\",\"type\":\"uint64\",\"internalType\":\"uint64\"},{\"name\":\"round\",\"type\":\"uint64\",\"internalType\":\"uint64\"},{\"name\":\"expiry\",\"type\":\"uint64\",\"internalType\":\"uint64\"}]}],\"outputs\":[{\"name\":\"\",\"type\":\"bytes32\",\"internalType\":\"bytes32\"}],\"stateMutability\":\"view\"},{\"type\":\"function\",\"name\":\"ticketValidity\",\"inputs\":[],\"outputs\":[{\"name\":\"\",\"type\":\"uint64\",\"internalType\":\"uint64\"}],\"stateMutability\":\"view\"},{\"type\":\"function\",\"name\":\"unlock\",\"inputs\":[],\"outputs\":[],\"stateMutability\":\"nonpayable\"},{\"type\":\"function\",\"name\":\"unlockPeriod\",\"inputs\":[],\"outputs\":[{\"name\":\"\",\"type\":\"uint64\",\"internalType\":\"uint64\"}],\"stateMutability\":\"view\"},{\"type\":\"function\",\"name\":\"withdraw\",\"inputs\":[],\"outputs\":[],\"stateMutability\":\"nonpayable\"},{\"type\":\"event\",\"name\":\"EIP712DomainChanged\",\"inputs\":[],\"anonymous\":false},{\"type\":\"event\",\"name\":\"Enrolled\",\"inputs\":[{\"name\":\"round\",\"type\":\"uint64\",\"indexed\":true,\"internalType\":\"uint64\"},{\"name\":\"recipient\",\"type\":\"address\",\"indexed\":true,\"internalType\":\"address\"},{\"name\":\"size\",\"type\":\"uint256\",\"indexed\":false,\"internalType\":\"uint256\"}],\"anonymous\":false},{\"type\":\"event\",\"name\":\"Funded\",\"inputs\":[{\"name\":\"sender\",\"type\":\"address\",\"indexed\":true,\"internalType\":\"address\"},{\"name\":\"deposit\",\"type\":\"uint256\",\"indexed\":false,\"internalType\":\"uint256\"},{\"name\":\"reserve\",\"type\":\"uint256\",\"indexed\":false,\"internalType\":\"uint256\"}],\"anonymous\":false},{\"type\":\"event\",\"name\":\"SignerSet\",\"inputs\":[{\"name\":\"sender\",\"type\":\"address\",\"indexed\":true,\"internalType\":\"address\"},{\"name\":\"signer\",\"type\":\"address\",\"indexed\":true,\"internalType\":\"address\"},{\"name\":\"until\",\"type\":\"uint64\",\"indexed\":false,\"internalType\":\"uint64\"}],\"anonymous\":false},{\"type\":\"event\",\"name\":\"SweepFailed\",\"inputs\":[{\"name\":\"recipient\",\"type\":\"address\",\"indexed\":true,\"internalType\":\"address\"},{\"name\":\"amount\",\"type\":\"uint256\",\"indexed\":false,\"internalType\":\"uint256\"},{\"name\":\"reason\",\"type\":\"bytes\",\"indexed\":false,\"internalType\":\"bytes\"}],\"anonymous\":false},{\"type\":\"event\",\"name\":\"Swept\",\"inputs\":[{\"name\":\"recipient\",\"type\":\"address\",\"indexed\":true,\"internalType\":\"address\"},{\"name\":\"amount\",\"type\":\"uint256\",\"indexed\":false,\"internalType\":\"uint256\"}],\"anonymous\":false},{\"type\":\"event\",\"name\":\"TicketSkipped\",\"inputs\":[{\"name\":\"sender\",\"type\":\"address\",\"indexed\":true,\"internalType\":\"address\"},{\"name\":\"recipient\",\"type\":\"address\",\"indexed\":true,\"internalType\":\"address\"},{\"name\":\"receiptHash\",\"type\":\"bytes32\",\"indexed\":true,\"internalType\":\"bytes32\"},{\"name\":\"lane\",\"type\":\"uint64\",\"indexed\":false,\"internalType\":\"uint64\"},{\"name\":\"nonce\",\"type\":\"uint64\",\"indexed\":false,\"internalType\":\"uint64\"},{\"name\":\"reason\",\"type\":\"uint8\",\"indexed\":false,\"internalType\":\"enumTicketBroker.Reason\"}],\"anonymous\":false},{\"type\":\"event\",\"name\":\"UnlockCancelled\",\"inputs\":[{\"name\":\"sender\",\"type\":\"address\",\"indexed\":true,\"internalType\":\"address\"}],\"anonymous\":false},{\"type\":\"event\",\"name\":\"Unlocking\",\"inputs\":[{\"name\":\"sender\",\"type\":\"address\",\"indexed\":true,\"internalType\":\"address\"},{\"name\":\"unlockAt\",\"type\":\"uint64\",\"indexed\":false,\"internalType\":\"uint64\"}],\"anonymous\":false},{\"type\":\"event\",\"name\":\"WinningTicketRedeemed\",\"inputs\":[{\"name\":\"sender\",\"type\":\"address\",\"indexed\":true,\"internalType\":\"address\"},{\"name\":\"recipient\",\"type\":\"address\",\"indexed\":true,\"internalType\":\"address\"},{\"name\":\"receiptHash\",\"type\":\"bytes32\",\"indexed\":true,\"internalType\":\"bytes32\"},{\"name\":\"faceValue\",\"type\":\"uint256\",\"indexed\":false,\"internalType\":\"uint256\"},{\"name\":\"paid\",\"type\":\"uint256\",\"indexed\":false,\"internalType\":\"uint256\"},{\"name\":\"fromReserve\",\"type\":\"uint256\",\"indexed\":false,\"internalType\":\"uint256\"},{\"name\":\"lane\",\"type\":\"uint64\",\"indexed\":false,\"internalType\":\"uint64\"},{\"name\":\"nonce\",\"type\":\"uint64\",\"indexed\":false,\"internalType\":\"uint64\"},{\"name\":\"round\",\"type\":\"uint64\",\"indexed\":false,\"internalType\":\"uint64\"}],\"anonymous\":false},{\"type\":\"event\",\"name\":\"Withdrawn\",\"inputs\":[{\"name\":\"sender\",\"type\":\"address\",\"indexed\":true,\"internalType\":\"address\"},{\"name\":\"deposit\",\"type\":\"uint256\",\"indexed\":false,\"internalType\":\"uint256\"},{\"name\":\"reserve\",\"type\":\"uint256\",\"indexed\":false,\"internalType\":\"uint256\"}],\"anonymous\":false},{\"type\":\"error\",\"name\":\"AlreadyUnlocking\",\"inputs\":[{\"name\":\"unlockAt\",\"type\":\"uint64\",\"internalType\":\"uint64\"}]},{\"type\":\"error\",\"name\":\"CheckpointUnorderedInsertion\",\"inputs\":[]},{\"type\":\"error\",\"name\":\"FailedCall\",\"inputs\":[]},{\"type\":\"error\",\"name\":\"InsufficientBalance\",\"inputs\":[{\"name\":\"balance\",\"type\":\"uint256\",\"internalType\":\"uint256\"},{\"name\":\"needed\",\"type\":\"uint256\",\"internalType\":\"uint256\"}]},{\"type\":\"error\",\"name\":\"InvalidShortString\",\"inputs\":[]},{\"type\":\"error\",\"name\":\"Locked\",\"inputs\":[{\"name\":\"unlockAt\",\"type\":\"uint64\",\"internalType\":\"uint64\"}]},{\"type\":\"error\",\"name\":\"NoFunds\",\"inputs\":[]},{\"type\":\"error\",\"name\":\"NotCurrentRound\",\"inputs\":[{\"name\":\"asked\",\"type\":\"uint64\",\"internalType\":\"uint64\"},{\"name\":\"current\",\"type\":\"uint64\",\"internalType\":\"uint64\"}]},{\"type\":\"error\",\"name\":\"NotEligible\",\"inputs\":[{\"name\":\"recipient\",\"type\":\"address\",\"internalType\":\"address\"},{\"name\":\"round\",\"type\":\"uint64\",\"internalType\":\"uint64\"}]},{\"type\":\"error\",\"name\":\"PayoutTooLow\",\"inputs\":[{\"name\":\"payable_\",\"type\":\"uint256\",\"internalType\":\"uint256\"},{\"name\":\"minPayout\",\"type\":\"uint256\",\"internalType\":\"uint256\"}]},{\"type\":\"error\",\"name\":\"SafeCastOverflowedUintDowncast\",\"inputs\":[{\"name\":\"bits\",\"type\":\"uint8\",\"internalType\":\"uint8\"},{\"name\":\"value\",\"type\":\"uint256\",\"internalType\":\"uint256\"}]},{\"type\":\"error\",\"name\":\"StringTooLong\",\"inputs\":[{\"name\":\"str\",\"type\":\"string\",\"internalType\":\"string\"}]},{\"type\":\"error\",\"name\":\"TicketRejected\",\"inputs\":[{\"name\":\"reason\",\"type\":\"uint8\",\"internalType\":\"enumTicketBroker.Reason\"}]},{\"type\":\"error\",\"name\":\"UnlockPeriodTooShort\",\"inputs\":[{\"name\":\"given\",\"type\":\"uint64\",\"internalType\":\"uint64\"},{\"name\":\"required\",\"type\":\"uint64\",\"internalType\":\"uint64\"}]},{\"type\":\"error\",\"name\":\"ValueMismatch\",\"inputs\":[{\"name\":\"sent\",\"type\":\"uint256\",\"internalType\":\"uint256\"},{\"name\":\"asked\",\"type\":\"uint256\",\"internalType\":\"uint256\"}]}]",
	ID:  "TicketBroker",
	Bin: "0x610200604052348015610010575f5ffd5b5060405161395d38038061395d83398101604081905261002f916102f5565b6040518060400160405280600781526020016610d85cdd1b995d60ca1b815250604051806040016040528060018152602001603160f81b8152506100788261028660201b60201c565b6101205261008581610286565b61014052815160208084019190912060e052815190820120610100524660a05261011160e05161010051604080517f8b73c3c69bb8fe3d512ecc4cf759cc79239f7b179b0ffacaa9a75d522b39400f60208201529081019290925260608201524660808201523060a08201525f9060c00160405160208183030381529060405280519060200120905090565b60805250503060c0526001600160a01b0384811661016052604080516353f859ef60e11b815290519185169163a7f0b3de916004808201926020929091908290030181865afa158015610166573d5f5f3e3d5ffd5b505050506040513d601f19601f8201168201806040525081019061018a919061034b565b6001600160401b0316610180816001600160401b031681525050826001600160a01b0316638b649b946040518163ffffffff1660e01b8152600401602060405180830381865afa1580156101e0573d5f5f3e3d5ffd5b505050506040513d601f19601f82011682018060405250810190610204919061034b565b6001600160401b039081166101a08190528382166101c0529082166101e0525f9061023090849061036b565b9050806001600160401b0316826001600160401b03161161027c5760405163300dd62760e21b81526001600160401b038084166004830152821660248201526044015b60405180910390fd5b50505050506103f7565b5f5f829050601f815111156102b0578260405163305a27a960e01b8152600401610273919061039c565b80516102bb826103d1565b179392505050565b6001600160a01b03811681146102d7575f5ffd5b50565b80516001600160401b03811681146102f0575f5ffd5b919050565b5f5f5f5f60808587031215610308575f5ffd5b8451610313816102c3565b6020860151909450610324816102c3565b9250610332604086016102da565b9150610340606086016102da565b905092959194509250565b5f6020828403121561035b575f5ffd5b610364826102da565b9392505050565b6001600160401b03818116838216019081111561039657634e487b7160e01b5f52601160045260245ffd5b92915050565b602081525f82518060208401528060208501604085015e5f604082850101526040601f19601f83011684010191505092915050565b805160208083015191908110156103f1575f198160200360031b1b821691505b50919050565b60805160a05160c05160e05161010051610120516101405161016051610180516101a0516101c0516101e05161349d6104c05f395f818161024d01528181610e2501526113a101525f81816103b501526118ac01525f818161042301528181610c6b01526118cd01525f81816104c101528181610c8f015261191901525f81816102fb015281816106b401528181611038015261113401525f61211601525f6120eb01525f61246001525f61243801525f61239301525f6123bd01525f6123e7015261349d5ff3fe6080604052600436106101ba575f3560e01c80638a19c8bc116100f2578063c24b170111610092578063df18e04711610062578063df18e047146105ae578063ec64a108146105cd578063f34685e5146105f9578063f698da251461062d575f5ffd5b8063c24b170114610502578063c2c4c2c814610542578063c34b44a014610556578063cfc3655514610575575f5ffd5b8063a69df4b5116100cd578063a69df4b514610458578063a6dd4c661461046c578063a7f0b3de146104b0578063b3f68ad9146104e3575f5ffd5b80638a19c8bc146103fe5780638b649b9414610412578063a65e2cfd14610445575f5ffd5b80634cf088d91161015d5780636f9c3c8f116101385780636f9c3c8f1461036957806375434a75146103715780637eedb7d6146103a457806384b0196e146103d7575f5ffd5b80634cf088d9146102ea578063639cd539146103425780636caa736b14610361575f5ffd5b806320d3a0b41161019857806320d3a0b41461023c5780632ccd437c146102885780633ccfd60b146102b757806344b0f5e7146102cb575f5ffd5b806301681a62146101be5780630a61111f146101f05780631fea85001461021b575b5f5ffd5b3480156101c9575f5ffd5b506101dd6101d8366004612ce4565b610641565b6040519081526020015b60405180910390f35b3480156101fb575f5ffd5b506101dd61020a366004612d14565b60026020525f908152604090205481565b348015610226575f5ffd5b5061023a610235366004612ce4565b610827565b005b348015610247575f5ffd5b5061026f7f000000000000000000000000000000000000000000000000000000000000000081565b60405167ffffffffffffffff90911681526020016101e7565b348015610293575f5ffd5b506102a76102a2366004612d2d565b61083c565b60405190151581526020016101e7565b3480156102c2575f5ffd5b5061023a6108c7565b3480156102d6575f5ffd5b506101dd6102e5366004612d95565b610a82565b3480156102f5575f5ffd5b5061031d7f000000000000000000000000000000000000000000000000000000000000000081565b60405173ffffffffffffffffffffffffffffffffffffffff90911681526020016101e7565b34801561034d575f5ffd5b506101dd61035c366004612dc0565b610ada565b61023a610bf4565b61023a610c00565b34801561037c575f5ffd5b506101dd7f0a1a2297868be4080064d97aeee200824342dd2491e8a7829b4f7f3183ee303d81565b3480156103af575f5ffd5b5061026f7f000000000000000000000000000000000000000000000000000000000000000081565b3480156103e2575f5ffd5b506103eb610c0a565b6040516101e79796959493929190612e64565b348015610409575f5ffd5b5061026f610c68565b34801561041d575f5ffd5b5061026f7f000000000000000000000000000000000000000000000000000000000000000081565b61023a610453366004612f23565b610cc3565b348015610463575f5ffd5b5061023a610d1c565b348015610477575f5ffd5b5061048b610486366004612ce4565b610ed2565b60408051938452602084019290925267ffffffffffffffff16908201526060016101e7565b3480156104bb575f5ffd5b5061026f7f000000000000000000000000000000000000000000000000000000000000000081565b3480156104ee575f5ffd5b5061023a6104fd366004612f43565b610f77565b34801561050d575f5ffd5b5061026f61051c366004612f74565b600460209081525f928352604080842090915290825290205467ffffffffffffffff1681565b34801561054d575f5ffd5b5061023a61127a565b348015610561575f5ffd5b5061023a610570366004612ce4565b611338565b348015610580575f5ffd5b506102a761058f366004612f43565b600360209081525f928352604080842090915290825290205460ff1681565b3480156105b9575f5ffd5b506101dd6105c8366004612ce4565b6113cb565b3480156105d8575f5ffd5b506105ec6105e7366004612f8e565b6113fb565b6040516101e79190613066565b348015610604575f5ffd5b506106186106133660046130cb565b6114c3565b604080519283526020830191909152016101e7565b348015610638575f5ffd5b506101dd6115da565b5f61064b826113cb565b9050805f0361065b57505f919050565b73ffffffffffffffffffffffffffffffffffffffff8281165f818152600860205260409081902060019055517f7f067a2500000000000000000000000000000000000000000000000000000000815260048101919091527f000000000000000000000000000000000000000000000000000000000000000090911690637f067a259083906024015f604051808303818588803b1580156106f9575f5ffd5b505af19350505050801561070b575060015b6107d1573d808015610738576040519150601f19603f3d011682016040523d82523d5f602084013e61073d565b606091505b5073ffffffffffffffffffffffffffffffffffffffff83165f9081526008602052604081208054849290610772908490613138565b925050819055508273ffffffffffffffffffffffffffffffffffffffff167f0439befe738497b2f20816bbf49ad82776d704d7bfb838d67632caf4a127b2ad83836040516107c192919061314b565b60405180910390a2505f92915050565b8173ffffffffffffffffffffffffffffffffffffffff167fc36b5179cb9c303b200074996eab2b3473eac370fdd7eba3bec636fe351096968260405161081991815260200190565b60405180910390a25b919050565b6108398167ffffffffffffffff6115e3565b50565b6040805173ffffffffffffffffffffffffffffffffffffffff8681166020808401919091529086168284015267ffffffffffffffff85166060830152600884901c66ffffffffffffff166080808401919091528351808403909101815260a090920183528151918101919091205f90815260069091522054600160ff83161b1615155b949350505050565b335f9081526005602052604090208054700100000000000000000000000000000000900467ffffffffffffffff16158061091f57508054700100000000000000000000000000000000900467ffffffffffffffff1642105b1561097d5780546040517feada265800000000000000000000000000000000000000000000000000000000815270010000000000000000000000000000000090910467ffffffffffffffff1660048201526024015b60405180910390fd5b80546fffffffffffffffffffffffffffffffff165f61099e60018401611681565b79ffffffffffffffffffffffffffffffffffffffffffffffffffff169050811580156109c8575080155b156109ff576040517f43f9e11000000000000000000000000000000000000000000000000000000000815260040160405180910390fd5b82547fffffffffffffffff000000000000000000000000000000000000000000000000168355610a2f835f6116dc565b604080518381526020810183905233917f92ccf450a286a957af52509bc1c9939d1a6a481783e142e41e2499f0bb66ebc6910160405180910390a2610a7d33610a788385613138565b611701565b505050565b5f610ad47f0a1a2297868be4080064d97aeee200824342dd2491e8a7829b4f7f3183ee303d83604051602001610ab9929190613163565b604051602081830303815290604052805190602001206117aa565b92915050565b5f5f610ae988888888886117f1565b90505f816007811115610afe57610afe613000565b14610b3757806040517fe1f799e2000000000000000000000000000000000000000000000000000000008152600401610974919061326d565b5f5f610b4b8a610b468c6119f3565b611a06565b9092509050610b5a8183613138565b9350835f03610b985760076040517fe1f799e2000000000000000000000000000000000000000000000000000000008152600401610974919061326d565b84841015610bdc576040517f50c915bd0000000000000000000000000000000000000000000000000000000081526004810185905260248101869052604401610974565b610be78a8383611b06565b5050509695505050505050565b610bfe345f611f22565b565b610bfe5f34611f22565b5f6060805f5f5f6060610c1b6120e4565b610c2361210f565b604080515f808252602082019092527f0f000000000000000000000000000000000000000000000000000000000000009b939a50919850469750309650945092509050565b5f7f0000000000000000000000000000000000000000000000000000000000000000610cb47f0000000000000000000000000000000000000000000000000000000000000000426132a8565b610cbe91906132f5565b905090565b5f610cce838361213a565b9050348114610d12576040517f626ade3000000000000000000000000000000000000000000000000000000000815234600482015260248101829052604401610974565b610a7d8383611f22565b335f90815260056020526040902080546fffffffffffffffffffffffffffffffff16158015610d705750610d5281600101611681565b79ffffffffffffffffffffffffffffffffffffffffffffffffffff16155b15610da7576040517f43f9e11000000000000000000000000000000000000000000000000000000000815260040160405180910390fd5b8054700100000000000000000000000000000000900467ffffffffffffffff1615610e205780546040517f443fe42100000000000000000000000000000000000000000000000000000000815270010000000000000000000000000000000090910467ffffffffffffffff166004820152602401610974565b610e4a7f000000000000000000000000000000000000000000000000000000000000000042613324565b81547fffffffffffffffff0000000000000000ffffffffffffffffffffffffffffffff1670010000000000000000000000000000000067ffffffffffffffff928316810291909117808455604051919004909116815233907ff3b4060f0f242de75e130a3368c5c5a82cd5eac58b886a7c5c51b19b310a5dfb9060200160405180910390a250565b73ffffffffffffffffffffffffffffffffffffffff81165f9081526005602052604081208054829182916fffffffffffffffffffffffffffffffff16610f1a60018301611681565b91546fffffffffffffffffffffffffffffffff919091169679ffffffffffffffffffffffffffffffffffffffffffffffffffff9092169550700100000000000000000000000000000000900467ffffffffffffffff169350915050565b5f610f80610c68565b90508067ffffffffffffffff168367ffffffffffffffff1614610fe3576040517f772c360900000000000000000000000000000000000000000000000000000000815267ffffffffffffffff808516600483015282166024820152604401610974565b6040517fb04ef88200000000000000000000000000000000000000000000000000000000815273ffffffffffffffffffffffffffffffffffffffff838116600483015267ffffffffffffffff851660248301527f0000000000000000000000000000000000000000000000000000000000000000169063b04ef88290604401602060405180830381865afa15801561107d573d5f5f3e3d5ffd5b505050506040513d601f19601f820116820180604052508101906110a19190613344565b6110ff576040517f879342fb00000000000000000000000000000000000000000000000000000000815273ffffffffffffffffffffffffffffffffffffffff8316600482015267ffffffffffffffff84166024820152604401610974565b67ffffffffffffffff83165f9081526002602052604090205480158061112d575067ffffffffffffffff8416155b156111dd577f000000000000000000000000000000000000000000000000000000000000000073ffffffffffffffffffffffffffffffffffffffff16634331ed1f6040518163ffffffff1660e01b8152600401602060405180830381865afa15801561119b573d5f5f3e3d5ffd5b505050506040513d601f19601f820116820180604052508101906111bf9190613363565b67ffffffffffffffff85165f90815260026020526040902081905590505b67ffffffffffffffff84165f81815260036020908152604080832073ffffffffffffffffffffffffffffffffffffffff88168085529083529281902080547fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff00166001179055518481529192917fe3cf26b3332eecd871c64c9fdc1757d8c3c12a95b12c3f2d9a307c02164197bc910160405180910390a350505050565b335f9081526005602052604081208054909170010000000000000000000000000000000090910467ffffffffffffffff1690036112e5576040517feada26580000000000000000000000000000000000000000000000000000000081525f6004820152602401610974565b80547fffffffffffffffff0000000000000000ffffffffffffffffffffffffffffffff16815560405133907ffa044b7b93a40365dc68049797c2eb06918523d694e5d56e406cac3eb35578e5905f90a250565b335f90815260046020908152604080832073ffffffffffffffffffffffffffffffffffffffff8516845290915290205467ffffffffffffffff167fffffffffffffffffffffffffffffffffffffffffffffffff00000000000000010161083957610839816113c67f000000000000000000000000000000000000000000000000000000000000000042613324565b6115e3565b73ffffffffffffffffffffffffffffffffffffffff81165f90815260086020526040812054610ad490600161217a565b60608167ffffffffffffffff8111156114165761141661327b565b60405190808252806020026020018201604052801561146957816020015b6114566040805160608101909152805f81526020015f81526020015f81525090565b8152602001906001900390816114345790505b5090505f5b828110156114bc5761149784848381811061148b5761148b61337a565b90506101c00201612186565b8282815181106114a9576114a961337a565b602090810291909101015260010161146e565b5092915050565b5f5f60075f61152c8787876040805173ffffffffffffffffffffffffffffffffffffffff808616602083015284169181019190915267ffffffffffffffff821660608201525f906080016040516020818303038152906040528051906020012090509392505050565b815260208082019290925260409081015f9081205467ffffffffffffffff871682526003845282822073ffffffffffffffffffffffffffffffffffffffff89168352909352205490915060ff16156115d25767ffffffffffffffff83165f9081526002602090815260408083205473ffffffffffffffffffffffffffffffffffffffff8916845260059092529091206115c59085612327565b6115cf91906133a7565b91505b935093915050565b5f610cbe61237a565b335f81815260046020908152604080832073ffffffffffffffffffffffffffffffffffffffff87168085529083529281902080547fffffffffffffffffffffffffffffffffffffffffffffffff00000000000000001667ffffffffffffffff871690811790915590519081529192917ff51bd20684b6fbd9a9df15288a953c741e33edcd855a2ced5502330c7b648bbe910160405180910390a35050565b80545f9080156116d3576116a78361169a6001846133ba565b5f91825260209091200190565b546601000000000000900479ffffffffffffffffffffffffffffffffffffffffffffffffffff166116d5565b5f5b9392505050565b6116fb6116e7610c68565b6116f0836124b0565b600185019190612513565b50505050565b80471015611744576040517fcf47918100000000000000000000000000000000000000000000000000000000815247600482015260248101829052604401610974565b61175d828260405180602001604052805f81525061252c565b15611766575050565b3d1561177857611774612541565b5050565b6040517fd6bda27500000000000000000000000000000000000000000000000000000000815260040160405180910390fd5b5f610ad46117b661237a565b836040517f19010000000000000000000000000000000000000000000000000000000000008152600281019290925260228201526042902090565b5f6118366118056040880160208901612ce4565b6118156060890160408a01612ce4565b61182560e08a0160c08b01612d14565b6102a26101008b0160e08c01612d14565b15611843575060016119ea565b61185561014087016101208801612d14565b67ffffffffffffffff1642111561186e575060026119ea565b611876610c68565b67ffffffffffffffff1661189261012088016101008901612d14565b67ffffffffffffffff1611156118aa575060036119ea565b7f00000000000000000000000000000000000000000000000000000000000000007f00000000000000000000000000000000000000000000000000000000000000006118fe61012089016101008a01612d14565b611909906001613324565b61191391906133cd565b61193d907f0000000000000000000000000000000000000000000000000000000000000000613324565b6119479190613324565b67ffffffffffffffff1661196361014088016101208901612d14565b67ffffffffffffffff16111561197b575060036119ea565b8560a001358260405160200161199391815260200190565b60405160208183030381529060405280519060200120146119b6575060046119ea565b6119c28686868661254c565b6119ce575060056119ea565b6119da868585856126c7565b6119e55760066119e7565b5f5b90505b95945050505050565b5f610ad482606001358360800135612739565b5f8080600581611a1c6040880160208901612ce4565b73ffffffffffffffffffffffffffffffffffffffff16815260208101919091526040015f208054909150611a639085906fffffffffffffffffffffffffffffffff16612748565b925083831015611afe575f80611aa4611a826040890160208a01612ce4565b611a9260608a0160408b01612ce4565b6106136101208b016101008c01612d14565b915091505f611ae3611ab6848461217a565b611ac286600101611681565b79ffffffffffffffffffffffffffffffffffffffffffffffffffff16612748565b9050611af8611af287896133ba565b82612748565b94505050505b509250929050565b611b25611b1a610100850160e08601612d14565b600160ff9091161b90565b60065f611bd9611b3b6040880160208901612ce4565b611b4b6060890160408a01612ce4565b611b5b60e08a0160c08b01612d14565b611b6c6101008b0160e08c01612d14565b6040805173ffffffffffffffffffffffffffffffffffffffff958616602080830191909152949095168582015267ffffffffffffffff92909216606085015260081c66ffffffffffffff166080808501919091528151808503909101815260a09093019052815191012090565b81526020019081526020015f205f82825417925050819055505f60055f856020016020810190611c099190612ce4565b73ffffffffffffffffffffffffffffffffffffffff16815260208101919091526040015f908120805490925084918391611c569084906fffffffffffffffffffffffffffffffff166133f0565b92506101000a8154816fffffffffffffffffffffffffffffffff02191690836fffffffffffffffffffffffffffffffff160217905550815f14611d8757611ccf8183611ca484600101611681565b79ffffffffffffffffffffffffffffffffffffffffffffffffffff16611cca91906133ba565b6116dc565b8160075f611d66611ce66040890160208a01612ce4565b611cf660608a0160408b01612ce4565b611d086101208b016101008c01612d14565b6040805173ffffffffffffffffffffffffffffffffffffffff808616602083015284169181019190915267ffffffffffffffff821660608201525f906080016040516020818303038152906040528051906020012090509392505050565b81526020019081526020015f205f828254611d819190613138565b90915550505b5f611d928385613138565b90505f600881611da86060890160408a01612ce4565b73ffffffffffffffffffffffffffffffffffffffff16815260208101919091526040015f205490508015611de557611de08282613138565b611df0565b611df0826001613138565b60085f611e0360608a0160408b01612ce4565b73ffffffffffffffffffffffffffffffffffffffff168152602081019190915260409081015f2091909155863590611e419060608901908901612ce4565b73ffffffffffffffffffffffffffffffffffffffff16611e676040890160208a01612ce4565b73ffffffffffffffffffffffffffffffffffffffff167f559fea4bcc31cb5053441f82f3f3370ba967870cd27b871d841a5eb3c86a0efa60808a01358689611eb560e08e0160c08f01612d14565b8d60e0016020810190611ec89190612d14565b8e610100016020810190611edc9190612d14565b6040805196875260208701959095528585019390935267ffffffffffffffff9182166060860152811660808501521660a0830152519081900360c00190a4505050505050565b345f03611f5b576040517f43f9e11000000000000000000000000000000000000000000000000000000000815260040160405180910390fd5b335f908152600560205260409020611f7283612757565b815482905f90611f959084906fffffffffffffffffffffffffffffffff16613418565b92506101000a8154816fffffffffffffffffffffffffffffffff02191690836fffffffffffffffffffffffffffffffff160217905550815f14612009576120098183611fe384600101611681565b79ffffffffffffffffffffffffffffffffffffffffffffffffffff16611cca9190613138565b8054700100000000000000000000000000000000900467ffffffffffffffff16156120555780547fffffffffffffffff0000000000000000ffffffffffffffffffffffffffffffff1681555b805433907fcd909ec339185c4598a4096e174308fbdf136d117f230960f873a2f2e81f63af906fffffffffffffffffffffffffffffffff1661209960018501611681565b604080516fffffffffffffffffffffffffffffffff909316835279ffffffffffffffffffffffffffffffffffffffffffffffffffff90911660208301520160405180910390a2505050565b6060610cbe7f00000000000000000000000000000000000000000000000000000000000000006127ac565b6060610cbe7f00000000000000000000000000000000000000000000000000000000000000006127ac565b5f5f5f61214785856127e9565b90925090507fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff80821883151502186119ea565b5f5f6119ea8484612801565b6121a86040805160608101909152805f81526020015f81526020015f81525090565b816121d6816121bf61016082016101408301613440565b856101600135866101800135876101a001356117f1565b829060078111156121e9576121e9613000565b908160078111156121fc576121fc613000565b9052505f8251600781111561221357612213613000565b03612278575f612222826119f3565b90505f5f6122308484611a06565b9092509050826122408284613138565b0361227057612250848383611b06565b604080516060810182525f81526020810194909452830152509392505050565b505060078352505b803561228a6060830160408401612ce4565b73ffffffffffffffffffffffffffffffffffffffff166122b06040840160208501612ce4565b73ffffffffffffffffffffffffffffffffffffffff167f2bbc2510dc61874b748dc37a323324ebd97e28414ee68e4d43124827127fb0966122f760e0860160c08701612d14565b612308610100870160e08801612d14565b875160405161231993929190613459565b60405180910390a450919050565b5f61235767ffffffffffffffff83161561234b5761234660018461347f565b61234d565b5f5b6001850190612811565b79ffffffffffffffffffffffffffffffffffffffffffffffffffff169392505050565b5f3073ffffffffffffffffffffffffffffffffffffffff7f0000000000000000000000000000000000000000000000000000000000000000161480156123df57507f000000000000000000000000000000000000000000000000000000000000000046145b1561240957507f000000000000000000000000000000000000000000000000000000000000000090565b610cbe604080517f8b73c3c69bb8fe3d512ecc4cf759cc79239f7b179b0ffacaa9a75d522b39400f60208201527f0000000000000000000000000000000000000000000000000000000000000000918101919091527f000000000000000000000000000000000000000000000000000000000000000060608201524660808201523060a08201525f9060c00160405160208183030381529060405280519060200120905090565b5f79ffffffffffffffffffffffffffffffffffffffffffffffffffff82111561250f576040517f6dfcc65000000000000000000000000000000000000000000000000000000000815260d0600482015260248101839052604401610974565b5090565b5f806125208585856128ca565b91509150935093915050565b5f5f5f83516020850186885af1949350505050565b6040513d5f823e3d81fd5b5f7f7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a082111561257c57505f6108bf565b5f600161258887610a82565b604080515f8152602081018083529290925260ff881690820152606081018690526080810185905260a0016020604051602081039080840390855afa1580156125d3573d5f5f3e3d5ffd5b50506040517fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffe0015191505073ffffffffffffffffffffffffffffffffffffffff8116612622575f9150506108bf565b6126326040870160208801612ce4565b73ffffffffffffffffffffffffffffffffffffffff168173ffffffffffffffffffffffffffffffffffffffff1614806126bd575060045f6126796040890160208a01612ce4565b73ffffffffffffffffffffffffffffffffffffffff908116825260208083019390935260409182015f9081209185168152925290205467ffffffffffffffff164211155b9695505050505050565b5f84608001358560600135106126e45750606084013515156108bf565b6040805160208101869052908101849052606081018390525f9061272790608001604051602081830303815290604052805190602001205f1c8760800135612a8b565b50606087013511915050949350505050565b5f8282188284110282186116d5565b5f8282188284100282186116d5565b5f6fffffffffffffffffffffffffffffffff82111561250f576040517f6dfcc6500000000000000000000000000000000000000000000000000000000081526080600482015260248101839052604401610974565b60605f6127b883612ac6565b6040805160208082528183019092529192505f91906020820181803683375050509182525060208101929092525090565b80820182811015905f90825b81029150509250929050565b80820382811115905f90826127f5565b81545f908181600581111561286d575f61282a84612b06565b61283490856133ba565b5f8881526020902090915081015465ffffffffffff908116908716101561285d5780915061286b565b612868816001613138565b92505b505b5f61287a87878585612c6b565b905080156128bd576128918761169a6001846133ba565b546601000000000000900479ffffffffffffffffffffffffffffffffffffffffffffffffffff166128bf565b5f5b979650505050505050565b82545f9081908015612a1b575f6128e68761169a6001856133ba565b805490915065ffffffffffff808216916601000000000000900479ffffffffffffffffffffffffffffffffffffffffffffffffffff16908816821115612958576040517f2520601d00000000000000000000000000000000000000000000000000000000815260040160405180910390fd5b8765ffffffffffff168265ffffffffffff16036129a757825465ffffffffffff16660100000000000079ffffffffffffffffffffffffffffffffffffffffffffffffffff891602178355612a0d565b6040805180820190915265ffffffffffff808a16825279ffffffffffffffffffffffffffffffffffffffffffffffffffff808a1660208085019182528d54600181018f555f8f815291909120945191519092166601000000000000029216919091179101555b94508593506115d292505050565b50506040805180820190915265ffffffffffff808516825279ffffffffffffffffffffffffffffffffffffffffffffffffffff80851660208085019182528854600181018a555f8a81529182209551925190931666010000000000000291909316179201919091559050816115d2565b5f807fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff83850993909202808410938190039390930393915050565b5f60ff8216601f811115610ad4576040517fb3512b0c00000000000000000000000000000000000000000000000000000000815260040160405180910390fd5b5f60018211612b13575090565b8160017001000000000000000000000000000000008210612b395760809190911c9060401b5b680100000000000000008210612b545760409190911c9060201b5b6401000000008210612b6b5760209190911c9060101b5b620100008210612b805760109190911c9060081b5b6101008210612b945760089190911c9060041b5b60108210612ba75760049190911c9060021b5b60048210612bb35760011b5b600302600190811c90818581612bcb57612bcb6132c8565b048201901c90506001818581612be357612be36132c8565b048201901c90506001818581612bfb57612bfb6132c8565b048201901c90506001818581612c1357612c136132c8565b048201901c90506001818581612c2b57612c2b6132c8565b048201901c90506001818581612c4357612c436132c8565b048201901c9050612c62818581612c5c57612c5c6132c8565b04821190565b90039392505050565b5f5b81831015612cb9575f85815260209020838316600285851804019081015465ffffffffffff86811691161115612ca557809250612cb3565b612cb0816001613138565b93505b50612c6d565b509392505050565b803573ffffffffffffffffffffffffffffffffffffffff81168114610822575f5ffd5b5f60208284031215612cf4575f5ffd5b6116d582612cc1565b803567ffffffffffffffff81168114610822575f5ffd5b5f60208284031215612d24575f5ffd5b6116d582612cfd565b5f5f5f5f60808587031215612d40575f5ffd5b612d4985612cc1565b9350612d5760208601612cc1565b9250612d6560408601612cfd565b9150612d7360608601612cfd565b905092959194509250565b5f6101408284031215612d8f575f5ffd5b50919050565b5f6101408284031215612da6575f5ffd5b6116d58383612d7e565b803560ff81168114610822575f5ffd5b5f5f5f5f5f5f6101e08789031215612dd6575f5ffd5b612de08888612d7e565b9550612def6101408801612db0565b959895975050505061016084013593610180810135936101a082013593506101c0909101359150565b5f81518084528060208401602086015e5f6020828601015260207fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffe0601f83011685010191505092915050565b7fff000000000000000000000000000000000000000000000000000000000000008816815260e060208201525f612e9e60e0830189612e18565b8281036040840152612eb08189612e18565b6060840188905273ffffffffffffffffffffffffffffffffffffffff8716608085015260a0840186905283810360c0850152845180825260208087019350909101905f5b81811015612f12578351835260209384019390920191600101612ef4565b50909b9a5050505050505050505050565b5f5f60408385031215612f34575f5ffd5b50508035926020909101359150565b5f5f60408385031215612f54575f5ffd5b612f5d83612cfd565b9150612f6b60208401612cc1565b90509250929050565b5f5f60408385031215612f85575f5ffd5b612f5d83612cc1565b5f5f60208385031215612f9f575f5ffd5b823567ffffffffffffffff811115612fb5575f5ffd5b8301601f81018513612fc5575f5ffd5b803567ffffffffffffffff811115612fdb575f5ffd5b8560206101c083028401011115612ff0575f5ffd5b6020919091019590945092505050565b7f4e487b71000000000000000000000000000000000000000000000000000000005f52602160045260245ffd5b60088110613062577f4e487b71000000000000000000000000000000000000000000000000000000005f52602160045260245ffd5b9052565b602080825282518282018190525f918401906040840190835b818110156130c057835161309484825161302d565b60208101516020850152604081015160408501525060608301925060208401935060018101905061307f565b509095945050505050565b5f5f5f606084860312156130dd575f5ffd5b6130e684612cc1565b92506130f460208501612cc1565b915061310260408501612cfd565b90509250925092565b7f4e487b71000000000000000000000000000000000000000000000000000000005f52601160045260245ffd5b80820180821115610ad457610ad461310b565b828152604060208201525f6108bf6040830184612e18565b8281528135602080830191909152610160820190613182908401612cc1565b73ffffffffffffffffffffffffffffffffffffffff81166040840152506131ab60408401612cc1565b73ffffffffffffffffffffffffffffffffffffffff8116606084015250606083013560808381019190915283013560a08084019190915283013560c0808401919091526131f9908401612cfd565b67ffffffffffffffff811660e08401525061321660e08401612cfd565b67ffffffffffffffff8116610100840152506132356101008401612cfd565b67ffffffffffffffff8116610120840152506132546101208401612cfd565b67ffffffffffffffff8116610140840152509392505050565b60208101610ad4828461302d565b7f4e487b71000000000000000000000000000000000000000000000000000000005f52604160045260245ffd5b67ffffffffffffffff8281168282160390811115610ad457610ad461310b565b7f4e487b71000000000000000000000000000000000000000000000000000000005f52601260045260245ffd5b5f67ffffffffffffffff83168061330e5761330e6132c8565b8067ffffffffffffffff84160491505092915050565b67ffffffffffffffff8181168382160190811115610ad457610ad461310b565b5f60208284031215613354575f5ffd5b815180151581146116d5575f5ffd5b5f60208284031215613373575f5ffd5b5051919050565b7f4e487b71000000000000000000000000000000000000000000000000000000005f52603260045260245ffd5b5f826133b5576133b56132c8565b500490565b81810381811115610ad457610ad461310b565b67ffffffffffffffff81811683821602908116908181146114bc576114bc61310b565b6fffffffffffffffffffffffffffffffff8281168282160390811115610ad457610ad461310b565b6fffffffffffffffffffffffffffffffff8181168382160190811115610ad457610ad461310b565b5f60208284031215613450575f5ffd5b6116d582612db0565b67ffffffffffffffff848116825283166020820152606081016108bf604083018461302d565b65ffffffffffff8281168282160390811115610ad457610ad461310b56",
}

// TicketBroker is an auto generated Go binding around an Ethereum contract.
type TicketBroker struct {
	abi abi.ABI
}

// GetABI returns the ABI associated with this contract binding.
func (c *TicketBroker) GetABI() abi.ABI {
	return c.abi
}

// NewTicketBroker creates a new instance of TicketBroker.
func NewTicketBroker() *TicketBroker {
	parsed, err := TicketBrokerMetaData.ParseABI()
	if err != nil {
		panic(errors.New("invalid ABI: " + err.Error()))
	}
	return &TicketBroker{abi: *parsed}
}

// Instance creates a wrapper for a deployed contract instance at the given address.
// Use this to create the instance object passed to abigen v2 library functions Call, Transact, etc.
func (c *TicketBroker) Instance(backend bind.ContractBackend, addr common.Address) *bind.BoundContract {
	return bind.NewBoundContract(addr, c.abi, backend, backend, backend)
}

// PackConstructor is the Go binding used to pack the parameters required for
// contract deployment.
//
// Solidity: constructor(address staking_, address rounds, uint64 ticketValidity_, uint64 unlockPeriod_) returns()
func (ticketBroker *TicketBroker) PackConstructor(staking_ common.Address, rounds common.Address, ticketValidity_ uint64, unlockPeriod_ uint64) []byte {
	enc, err := ticketBroker.abi.Pack("", staking_, rounds, ticketValidity_, unlockPeriod_)
	if err != nil {
		panic(err)
	}
	return enc
}

// PackTICKETTYPEHASH is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x75434a75.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function TICKET_TYPEHASH() view returns(bytes32)
func (ticketBroker *TicketBroker) PackTICKETTYPEHASH() []byte {
	enc, err := ticketBroker.abi.Pack("TICKET_TYPEHASH")
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackTICKETTYPEHASH is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x75434a75.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function TICKET_TYPEHASH() view returns(bytes32)
func (ticketBroker *TicketBroker) TryPackTICKETTYPEHASH() ([]byte, error) {
	return ticketBroker.abi.Pack("TICKET_TYPEHASH")
}

// UnpackTICKETTYPEHASH is the Go binding that unpacks the parameters returned
// from invoking the contract method with ID 0x75434a75.
//
// Solidity: function TICKET_TYPEHASH() view returns(bytes32)
func (ticketBroker *TicketBroker) UnpackTICKETTYPEHASH(data []byte) ([32]byte, error) {
	out, err := ticketBroker.abi.Unpack("TICKET_TYPEHASH", data)
	if err != nil {
		return *new([32]byte), err
	}
	out0 := *abi.ConvertType(out[0], new([32]byte)).(*[32]byte)
	return out0, nil
}

// PackAuthoriseSigner is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x1fea8500.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function authoriseSigner(address signer) returns()
func (ticketBroker *TicketBroker) PackAuthoriseSigner(signer common.Address) []byte {
	enc, err := ticketBroker.abi.Pack("authoriseSigner", signer)
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackAuthoriseSigner is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x1fea8500.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function authoriseSigner(address signer) returns()
func (ticketBroker *TicketBroker) TryPackAuthoriseSigner(signer common.Address) ([]byte, error) {
	return ticketBroker.abi.Pack("authoriseSigner", signer)
}

// PackBatchRedeem is the Go binding used to pack the parameters required for calling
// the contract method with ID 0xec64a108.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function batchRedeem(((bytes32,address,address,uint256,uint256,bytes32,uint64,uint64,uint64,uint64),uint8,bytes32,bytes32,bytes32)[] items) returns((uint8,uint256,uint256)[] outcomes)
func (ticketBroker *TicketBroker) PackBatchRedeem(items []TicketBrokerRedemption) []byte {
	enc, err := ticketBroker.abi.Pack("batchRedeem", items)
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackBatchRedeem is the Go binding used to pack the parameters required for calling
// the contract method with ID 0xec64a108.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function batchRedeem(((bytes32,address,address,uint256,uint256,bytes32,uint64,uint64,uint64,uint64),uint8,bytes32,bytes32,bytes32)[] items) returns((uint8,uint256,uint256)[] outcomes)
func (ticketBroker *TicketBroker) TryPackBatchRedeem(items []TicketBrokerRedemption) ([]byte, error) {
	return ticketBroker.abi.Pack("batchRedeem", items)
}

// UnpackBatchRedeem is the Go binding that unpacks the parameters returned
// from invoking the contract method with ID 0xec64a108.
//
// Solidity: function batchRedeem(((bytes32,address,address,uint256,uint256,bytes32,uint64,uint64,uint64,uint64),uint8,bytes32,bytes32,bytes32)[] items) returns((uint8,uint256,uint256)[] outcomes)
func (ticketBroker *TicketBroker) UnpackBatchRedeem(data []byte) ([]TicketBrokerOutcome, error) {
	out, err := ticketBroker.abi.Unpack("batchRedeem", data)
	if err != nil {
		return *new([]TicketBrokerOutcome), err
	}
	out0 := *abi.ConvertType(out[0], new([]TicketBrokerOutcome)).(*[]TicketBrokerOutcome)
	return out0, nil
}

// PackCancelUnlock is the Go binding used to pack the parameters required for calling
// the contract method with ID 0xc2c4c2c8.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function cancelUnlock() returns()
func (ticketBroker *TicketBroker) PackCancelUnlock() []byte {
	enc, err := ticketBroker.abi.Pack("cancelUnlock")
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackCancelUnlock is the Go binding used to pack the parameters required for calling
// the contract method with ID 0xc2c4c2c8.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function cancelUnlock() returns()
func (ticketBroker *TicketBroker) TryPackCancelUnlock() ([]byte, error) {
	return ticketBroker.abi.Pack("cancelUnlock")
}

// PackCurrentRound is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x8a19c8bc.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function currentRound() view returns(uint64)
func (ticketBroker *TicketBroker) PackCurrentRound() []byte {
	enc, err := ticketBroker.abi.Pack("currentRound")
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackCurrentRound is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x8a19c8bc.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function currentRound() view returns(uint64)
func (ticketBroker *TicketBroker) TryPackCurrentRound() ([]byte, error) {
	return ticketBroker.abi.Pack("currentRound")
}

// UnpackCurrentRound is the Go binding that unpacks the parameters returned
// from invoking the contract method with ID 0x8a19c8bc.
//
// Solidity: function currentRound() view returns(uint64)
func (ticketBroker *TicketBroker) UnpackCurrentRound(data []byte) (uint64, error) {
	out, err := ticketBroker.abi.Unpack("currentRound", data)
	if err != nil {
		return *new(uint64), err
	}
	out0 := *abi.ConvertType(out[0], new(uint64)).(*uint64)
	return out0, nil
}

// PackDomainSeparator is the Go binding used to pack the parameters required for calling
// the contract method with ID 0xf698da25.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function domainSeparator() view returns(bytes32)
func (ticketBroker *TicketBroker) PackDomainSeparator() []byte {
	enc, err := ticketBroker.abi.Pack("domainSeparator")
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackDomainSeparator is the Go binding used to pack the parameters required for calling
// the contract method with ID 0xf698da25.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function domainSeparator() view returns(bytes32)
func (ticketBroker *TicketBroker) TryPackDomainSeparator() ([]byte, error) {
	return ticketBroker.abi.Pack("domainSeparator")
}

// UnpackDomainSeparator is the Go binding that unpacks the parameters returned
// from invoking the contract method with ID 0xf698da25.
//
// Solidity: function domainSeparator() view returns(bytes32)
func (ticketBroker *TicketBroker) UnpackDomainSeparator(data []byte) ([32]byte, error) {
	out, err := ticketBroker.abi.Unpack("domainSeparator", data)
	if err != nil {
		return *new([32]byte), err
	}
	out0 := *abi.ConvertType(out[0], new([32]byte)).(*[32]byte)
	return out0, nil
}

// PackEnrol is the Go binding used to pack the parameters required for calling
// the contract method with ID 0xb3f68ad9.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function enrol(uint64 round, address recipient) returns()
func (ticketBroker *TicketBroker) PackEnrol(round uint64, recipient common.Address) []byte {
	enc, err := ticketBroker.abi.Pack("enrol", round, recipient)
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackEnrol is the Go binding used to pack the parameters required for calling
// the contract method with ID 0xb3f68ad9.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function enrol(uint64 round, address recipient) returns()
func (ticketBroker *TicketBroker) TryPackEnrol(round uint64, recipient common.Address) ([]byte, error) {
	return ticketBroker.abi.Pack("enrol", round, recipient)
}

// PackEnrolled is the Go binding used to pack the parameters required for calling
// the contract method with ID 0xcfc36555.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function enrolled(uint64 round, address recipient) view returns(bool)
func (ticketBroker *TicketBroker) PackEnrolled(round uint64, recipient common.Address) []byte {
	enc, err := ticketBroker.abi.Pack("enrolled", round, recipient)
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackEnrolled is the Go binding used to pack the parameters required for calling
// the contract method with ID 0xcfc36555.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function enrolled(uint64 round, address recipient) view returns(bool)
func (ticketBroker *TicketBroker) TryPackEnrolled(round uint64, recipient common.Address) ([]byte, error) {
	return ticketBroker.abi.Pack("enrolled", round, recipient)
}

// UnpackEnrolled is the Go binding that unpacks the parameters returned
// from invoking the contract method with ID 0xcfc36555.
//
// Solidity: function enrolled(uint64 round, address recipient) view returns(bool)
func (ticketBroker *TicketBroker) UnpackEnrolled(data []byte) (bool, error) {
	out, err := ticketBroker.abi.Unpack("enrolled", data)
	if err != nil {
		return *new(bool), err
	}
	out0 := *abi.ConvertType(out[0], new(bool)).(*bool)
	return out0, nil
}

// PackFund is the Go binding used to pack the parameters required for calling
// the contract method with ID 0xa65e2cfd.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function fund(uint256 deposit, uint256 reserve) payable returns()
func (ticketBroker *TicketBroker) PackFund(deposit *big.Int, reserve *big.Int) []byte {
	enc, err := ticketBroker.abi.Pack("fund", deposit, reserve)
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackFund is the Go binding used to pack the parameters required for calling
// the contract method with ID 0xa65e2cfd.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function fund(uint256 deposit, uint256 reserve) payable returns()
func (ticketBroker *TicketBroker) TryPackFund(deposit *big.Int, reserve *big.Int) ([]byte, error) {
	return ticketBroker.abi.Pack("fund", deposit, reserve)
}

// PackFundDeposit is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x6caa736b.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function fundDeposit() payable returns()
func (ticketBroker *TicketBroker) PackFundDeposit() []byte {
	enc, err := ticketBroker.abi.Pack("fundDeposit")
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackFundDeposit is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x6caa736b.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function fundDeposit() payable returns()
func (ticketBroker *TicketBroker) TryPackFundDeposit() ([]byte, error) {
	return ticketBroker.abi.Pack("fundDeposit")
}

// PackFundReserve is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x6f9c3c8f.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function fundReserve() payable returns()
func (ticketBroker *TicketBroker) PackFundReserve() []byte {
	enc, err := ticketBroker.abi.Pack("fundReserve")
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackFundReserve is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x6f9c3c8f.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function fundReserve() payable returns()
func (ticketBroker *TicketBroker) TryPackFundReserve() ([]byte, error) {
	return ticketBroker.abi.Pack("fundReserve")
}

// PackGenesis is the Go binding used to pack the parameters required for calling
// the contract method with ID 0xa7f0b3de.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function genesis() view returns(uint64)
func (ticketBroker *TicketBroker) PackGenesis() []byte {
	enc, err := ticketBroker.abi.Pack("genesis")
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackGenesis is the Go binding used to pack the parameters required for calling
// the contract method with ID 0xa7f0b3de.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function genesis() view returns(uint64)
func (ticketBroker *TicketBroker) TryPackGenesis() ([]byte, error) {
	return ticketBroker.abi.Pack("genesis")
}

// UnpackGenesis is the Go binding that unpacks the parameters returned
// from invoking the contract method with ID 0xa7f0b3de.
//
// Solidity: function genesis() view returns(uint64)
func (ticketBroker *TicketBroker) UnpackGenesis(data []byte) (uint64, error) {
	out, err := ticketBroker.abi.Unpack("genesis", data)
	if err != nil {
		return *new(uint64), err
	}
	out0 := *abi.ConvertType(out[0], new(uint64)).(*uint64)
	return out0, nil
}

// PackIsUsed is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x2ccd437c.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function isUsed(address sender, address recipient, uint64 lane, uint64 nonce) view returns(bool)
func (ticketBroker *TicketBroker) PackIsUsed(sender common.Address, recipient common.Address, lane uint64, nonce uint64) []byte {
	enc, err := ticketBroker.abi.Pack("isUsed", sender, recipient, lane, nonce)
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackIsUsed is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x2ccd437c.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function isUsed(address sender, address recipient, uint64 lane, uint64 nonce) view returns(bool)
func (ticketBroker *TicketBroker) TryPackIsUsed(sender common.Address, recipient common.Address, lane uint64, nonce uint64) ([]byte, error) {
	return ticketBroker.abi.Pack("isUsed", sender, recipient, lane, nonce)
}

// UnpackIsUsed is the Go binding that unpacks the parameters returned
// from invoking the contract method with ID 0x2ccd437c.
//
// Solidity: function isUsed(address sender, address recipient, uint64 lane, uint64 nonce) view returns(bool)
func (ticketBroker *TicketBroker) UnpackIsUsed(data []byte) (bool, error) {
	out, err := ticketBroker.abi.Unpack("isUsed", data)
	if err != nil {
		return *new(bool), err
	}
	out0 := *abi.ConvertType(out[0], new(bool)).(*bool)
	return out0, nil
}

// PackOwed is the Go binding used to pack the parameters required for calling
// the contract method with ID 0xdf18e047.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function owed(address recipient) view returns(uint256)
func (ticketBroker *TicketBroker) PackOwed(recipient common.Address) []byte {
	enc, err := ticketBroker.abi.Pack("owed", recipient)
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackOwed is the Go binding used to pack the parameters required for calling
// the contract method with ID 0xdf18e047.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function owed(address recipient) view returns(uint256)
func (ticketBroker *TicketBroker) TryPackOwed(recipient common.Address) ([]byte, error) {
	return ticketBroker.abi.Pack("owed", recipient)
}

// UnpackOwed is the Go binding that unpacks the parameters returned
// from invoking the contract method with ID 0xdf18e047.
//
// Solidity: function owed(address recipient) view returns(uint256)
func (ticketBroker *TicketBroker) UnpackOwed(data []byte) (*big.Int, error) {
	out, err := ticketBroker.abi.Unpack("owed", data)
	if err != nil {
		return new(big.Int), err
	}
	out0 := abi.ConvertType(out[0], new(big.Int)).(*big.Int)
	return out0, nil
}

// PackRedeem is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x639cd539.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function redeem((bytes32,address,address,uint256,uint256,bytes32,uint64,uint64,uint64,uint64) ticket, uint8 v, bytes32 r, bytes32 s, bytes32 recipientRand, uint256 minPayout) returns(uint256 paid)
func (ticketBroker *TicketBroker) PackRedeem(ticket TicketBrokerTicket, v uint8, r [32]byte, s [32]byte, recipientRand [32]byte, minPayout *big.Int) []byte {
	enc, err := ticketBroker.abi.Pack("redeem", ticket, v, r, s, recipientRand, minPayout)
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackRedeem is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x639cd539.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function redeem((bytes32,address,address,uint256,uint256,bytes32,uint64,uint64,uint64,uint64) ticket, uint8 v, bytes32 r, bytes32 s, bytes32 recipientRand, uint256 minPayout) returns(uint256 paid)
func (ticketBroker *TicketBroker) TryPackRedeem(ticket TicketBrokerTicket, v uint8, r [32]byte, s [32]byte, recipientRand [32]byte, minPayout *big.Int) ([]byte, error) {
	return ticketBroker.abi.Pack("redeem", ticket, v, r, s, recipientRand, minPayout)
}

// UnpackRedeem is the Go binding that unpacks the parameters returned
// from invoking the contract method with ID 0x639cd539.
//
// Solidity: function redeem((bytes32,address,address,uint256,uint256,bytes32,uint64,uint64,uint64,uint64) ticket, uint8 v, bytes32 r, bytes32 s, bytes32 recipientRand, uint256 minPayout) returns(uint256 paid)
func (ticketBroker *TicketBroker) UnpackRedeem(data []byte) (*big.Int, error) {
	out, err := ticketBroker.abi.Unpack("redeem", data)
	if err != nil {
		return new(big.Int), err
	}
	out0 := abi.ConvertType(out[0], new(big.Int)).(*big.Int)
	return out0, nil
}

// PackReserveShare is the Go binding used to pack the parameters required for calling
// the contract method with ID 0xf34685e5.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function reserveShare(address sender, address recipient, uint64 round) view returns(uint256 share, uint256 claimed)
func (ticketBroker *TicketBroker) PackReserveShare(sender common.Address, recipient common.Address, round uint64) []byte {
	enc, err := ticketBroker.abi.Pack("reserveShare", sender, recipient, round)
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackReserveShare is the Go binding used to pack the parameters required for calling
// the contract method with ID 0xf34685e5.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function reserveShare(address sender, address recipient, uint64 round) view returns(uint256 share, uint256 claimed)
func (ticketBroker *TicketBroker) TryPackReserveShare(sender common.Address, recipient common.Address, round uint64) ([]byte, error) {
	return ticketBroker.abi.Pack("reserveShare", sender, recipient, round)
}

// ReserveShareOutput serves as a container for the return parameters of contract
// method ReserveShare.
type ReserveShareOutput struct {
	Share   *big.Int
	Claimed *big.Int
}

// UnpackReserveShare is the Go binding that unpacks the parameters returned
// from invoking the contract method with ID 0xf34685e5.
//
// Solidity: function reserveShare(address sender, address recipient, uint64 round) view returns(uint256 share, uint256 claimed)
func (ticketBroker *TicketBroker) UnpackReserveShare(data []byte) (ReserveShareOutput, error) {
	out, err := ticketBroker.abi.Unpack("reserveShare", data)
	outstruct := new(ReserveShareOutput)
	if err != nil {
		return *outstruct, err
	}
	outstruct.Share = abi.ConvertType(out[0], new(big.Int)).(*big.Int)
	outstruct.Claimed = abi.ConvertType(out[1], new(big.Int)).(*big.Int)
	return *outstruct, nil
}

// PackRevokeSigner is the Go binding used to pack the parameters required for calling
// the contract method with ID 0xc34b44a0.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function revokeSigner(address signer) returns()
func (ticketBroker *TicketBroker) PackRevokeSigner(signer common.Address) []byte {
	enc, err := ticketBroker.abi.Pack("revokeSigner", signer)
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackRevokeSigner is the Go binding used to pack the parameters required for calling
// the contract method with ID 0xc34b44a0.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function revokeSigner(address signer) returns()
func (ticketBroker *TicketBroker) TryPackRevokeSigner(signer common.Address) ([]byte, error) {
	return ticketBroker.abi.Pack("revokeSigner", signer)
}

// PackRoundLength is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x8b649b94.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function roundLength() view returns(uint64)
func (ticketBroker *TicketBroker) PackRoundLength() []byte {
	enc, err := ticketBroker.abi.Pack("roundLength")
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackRoundLength is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x8b649b94.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function roundLength() view returns(uint64)
func (ticketBroker *TicketBroker) TryPackRoundLength() ([]byte, error) {
	return ticketBroker.abi.Pack("roundLength")
}

// UnpackRoundLength is the Go binding that unpacks the parameters returned
// from invoking the contract method with ID 0x8b649b94.
//
// Solidity: function roundLength() view returns(uint64)
func (ticketBroker *TicketBroker) UnpackRoundLength(data []byte) (uint64, error) {
	out, err := ticketBroker.abi.Unpack("roundLength", data)
	if err != nil {
		return *new(uint64), err
	}
	out0 := *abi.ConvertType(out[0], new(uint64)).(*uint64)
	return out0, nil
}

// PackSenderInfo is the Go binding used to pack the parameters required for calling
// the contract method with ID 0xa6dd4c66.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function senderInfo(address sender) view returns(uint256 deposit, uint256 reserve, uint64 unlockAt)
func (ticketBroker *TicketBroker) PackSenderInfo(sender common.Address) []byte {
	enc, err := ticketBroker.abi.Pack("senderInfo", sender)
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackSenderInfo is the Go binding used to pack the parameters required for calling
// the contract method with ID 0xa6dd4c66.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function senderInfo(address sender) view returns(uint256 deposit, uint256 reserve, uint64 unlockAt)
func (ticketBroker *TicketBroker) TryPackSenderInfo(sender common.Address) ([]byte, error) {
	return ticketBroker.abi.Pack("senderInfo", sender)
}

// SenderInfoOutput serves as a container for the return parameters of contract
// method SenderInfo.
type SenderInfoOutput struct {
	Deposit  *big.Int
	Reserve  *big.Int
	UnlockAt uint64
}

// UnpackSenderInfo is the Go binding that unpacks the parameters returned
// from invoking the contract method with ID 0xa6dd4c66.
//
// Solidity: function senderInfo(address sender) view returns(uint256 deposit, uint256 reserve, uint64 unlockAt)
func (ticketBroker *TicketBroker) UnpackSenderInfo(data []byte) (SenderInfoOutput, error) {
	out, err := ticketBroker.abi.Unpack("senderInfo", data)
	outstruct := new(SenderInfoOutput)
	if err != nil {
		return *outstruct, err
	}
	outstruct.Deposit = abi.ConvertType(out[0], new(big.Int)).(*big.Int)
	outstruct.Reserve = abi.ConvertType(out[1], new(big.Int)).(*big.Int)
	outstruct.UnlockAt = *abi.ConvertType(out[2], new(uint64)).(*uint64)
	return *outstruct, nil
}

// PackSetSize is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x0a61111f.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function setSize(uint64 round) view returns(uint256)
func (ticketBroker *TicketBroker) PackSetSize(round uint64) []byte {
	enc, err := ticketBroker.abi.Pack("setSize", round)
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackSetSize is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x0a61111f.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function setSize(uint64 round) view returns(uint256)
func (ticketBroker *TicketBroker) TryPackSetSize(round uint64) ([]byte, error) {
	return ticketBroker.abi.Pack("setSize", round)
}

// UnpackSetSize is the Go binding that unpacks the parameters returned
// from invoking the contract method with ID 0x0a61111f.
//
// Solidity: function setSize(uint64 round) view returns(uint256)
func (ticketBroker *TicketBroker) UnpackSetSize(data []byte) (*big.Int, error) {
	out, err := ticketBroker.abi.Unpack("setSize", data)
	if err != nil {
		return new(big.Int), err
	}
	out0 := abi.ConvertType(out[0], new(big.Int)).(*big.Int)
	return out0, nil
}

// PackSignerUntil is the Go binding used to pack the parameters required for calling
// the contract method with ID 0xc24b1701.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function signerUntil(address sender, address signer) view returns(uint64)
func (ticketBroker *TicketBroker) PackSignerUntil(sender common.Address, signer common.Address) []byte {
	enc, err := ticketBroker.abi.Pack("signerUntil", sender, signer)
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackSignerUntil is the Go binding used to pack the parameters required for calling
// the contract method with ID 0xc24b1701.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function signerUntil(address sender, address signer) view returns(uint64)
func (ticketBroker *TicketBroker) TryPackSignerUntil(sender common.Address, signer common.Address) ([]byte, error) {
	return ticketBroker.abi.Pack("signerUntil", sender, signer)
}

// UnpackSignerUntil is the Go binding that unpacks the parameters returned
// from invoking the contract method with ID 0xc24b1701.
//
// Solidity: function signerUntil(address sender, address signer) view returns(uint64)
func (ticketBroker *TicketBroker) UnpackSignerUntil(data []byte) (uint64, error) {
	out, err := ticketBroker.abi.Unpack("signerUntil", data)
	if err != nil {
		return *new(uint64), err
	}
	out0 := *abi.ConvertType(out[0], new(uint64)).(*uint64)
	return out0, nil
}

// PackStaking is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x4cf088d9.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function staking() view returns(address)
func (ticketBroker *TicketBroker) PackStaking() []byte {
	enc, err := ticketBroker.abi.Pack("staking")
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackStaking is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x4cf088d9.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function staking() view returns(address)
func (ticketBroker *TicketBroker) TryPackStaking() ([]byte, error) {
	return ticketBroker.abi.Pack("staking")
}

// UnpackStaking is the Go binding that unpacks the parameters returned
// from invoking the contract method with ID 0x4cf088d9.
//
// Solidity: function staking() view returns(address)
func (ticketBroker *TicketBroker) UnpackStaking(data []byte) (common.Address, error) {
	out, err := ticketBroker.abi.Unpack("staking", data)
	if err != nil {
		return *new(common.Address), err
	}
	out0 := *abi.ConvertType(out[0], new(common.Address)).(*common.Address)
	return out0, nil
}

// PackSweep is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x01681a62.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function sweep(address recipient) returns(uint256 amount)
func (ticketBroker *TicketBroker) PackSweep(recipient common.Address) []byte {
	enc, err := ticketBroker.abi.Pack("sweep", recipient)
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackSweep is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x01681a62.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function sweep(address recipient) returns(uint256 amount)
func (ticketBroker *TicketBroker) TryPackSweep(recipient common.Address) ([]byte, error) {
	return ticketBroker.abi.Pack("sweep", recipient)
}

// UnpackSweep is the Go binding that unpacks the parameters returned
// from invoking the contract method with ID 0x01681a62.
//
// Solidity: function sweep(address recipient) returns(uint256 amount)
func (ticketBroker *TicketBroker) UnpackSweep(data []byte) (*big.Int, error) {
	out, err := ticketBroker.abi.Unpack("sweep", data)
	if err != nil {
		return new(big.Int), err
	}
	out0 := abi.ConvertType(out[0], new(big.Int)).(*big.Int)
	return out0, nil
}

// PackTicketHash is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x44b0f5e7.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function ticketHash((bytes32,address,address,uint256,uint256,bytes32,uint64,uint64,uint64,uint64) ticket) view returns(bytes32)
func (ticketBroker *TicketBroker) PackTicketHash(ticket TicketBrokerTicket) []byte {
	enc, err := ticketBroker.abi.Pack("ticketHash", ticket)
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackTicketHash is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x44b0f5e7.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function ticketHash((bytes32,address,address,uint256,uint256,bytes32,uint64,uint64,uint64,uint64) ticket) view returns(bytes32)
func (ticketBroker *TicketBroker) TryPackTicketHash(ticket TicketBrokerTicket) ([]byte, error) {
	return ticketBroker.abi.Pack("ticketHash", ticket)
}

// UnpackTicketHash is the Go binding that unpacks the parameters returned
// from invoking the contract method with ID 0x44b0f5e7.
//
// Solidity: function ticketHash((bytes32,address,address,uint256,uint256,bytes32,uint64,uint64,uint64,uint64) ticket) view returns(bytes32)
func (ticketBroker *TicketBroker) UnpackTicketHash(data []byte) ([32]byte, error) {
	out, err := ticketBroker.abi.Unpack("ticketHash", data)
	if err != nil {
		return *new([32]byte), err
	}
	out0 := *abi.ConvertType(out[0], new([32]byte)).(*[32]byte)
	return out0, nil
}

// PackTicketValidity is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x7eedb7d6.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function ticketValidity() view returns(uint64)
func (ticketBroker *TicketBroker) PackTicketValidity() []byte {
	enc, err := ticketBroker.abi.Pack("ticketValidity")
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackTicketValidity is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x7eedb7d6.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function ticketValidity() view returns(uint64)
func (ticketBroker *TicketBroker) TryPackTicketValidity() ([]byte, error) {
	return ticketBroker.abi.Pack("ticketValidity")
}

// UnpackTicketValidity is the Go binding that unpacks the parameters returned
// from invoking the contract method with ID 0x7eedb7d6.
//
// Solidity: function ticketValidity() view returns(uint64)
func (ticketBroker *TicketBroker) UnpackTicketValidity(data []byte) (uint64, error) {
	out, err := ticketBroker.abi.Unpack("ticketValidity", data)
	if err != nil {
		return *new(uint64), err
	}
	out0 := *abi.ConvertType(out[0], new(uint64)).(*uint64)
	return out0, nil
}

// PackUnlock is the Go binding used to pack the parameters required for calling
// the contract method with ID 0xa69df4b5.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function unlock() returns()
func (ticketBroker *TicketBroker) PackUnlock() []byte {
	enc, err := ticketBroker.abi.Pack("unlock")
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackUnlock is the Go binding used to pack the parameters required for calling
// the contract method with ID 0xa69df4b5.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function unlock() returns()
func (ticketBroker *TicketBroker) TryPackUnlock() ([]byte, error) {
	return ticketBroker.abi.Pack("unlock")
}

// PackUnlockPeriod is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x20d3a0b4.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function unlockPeriod() view returns(uint64)
func (ticketBroker *TicketBroker) PackUnlockPeriod() []byte {
	enc, err := ticketBroker.abi.Pack("unlockPeriod")
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackUnlockPeriod is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x20d3a0b4.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function unlockPeriod() view returns(uint64)
func (ticketBroker *TicketBroker) TryPackUnlockPeriod() ([]byte, error) {
	return ticketBroker.abi.Pack("unlockPeriod")
}

// UnpackUnlockPeriod is the Go binding that unpacks the parameters returned
// from invoking the contract method with ID 0x20d3a0b4.
//
// Solidity: function unlockPeriod() view returns(uint64)
func (ticketBroker *TicketBroker) UnpackUnlockPeriod(data []byte) (uint64, error) {
	out, err := ticketBroker.abi.Unpack("unlockPeriod", data)
	if err != nil {
		return *new(uint64), err
	}
	out0 := *abi.ConvertType(out[0], new(uint64)).(*uint64)
	return out0, nil
}

// PackWithdraw is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x3ccfd60b.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function withdraw() returns()
func (ticketBroker *TicketBroker) PackWithdraw() []byte {
	enc, err := ticketBroker.abi.Pack("withdraw")
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackWithdraw is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x3ccfd60b.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function withdraw() returns()
func (ticketBroker *TicketBroker) TryPackWithdraw() ([]byte, error) {
	return ticketBroker.abi.Pack("withdraw")
}

// TicketBrokerEIP712DomainChanged represents a EIP712DomainChanged event raised by the TicketBroker contract.
type TicketBrokerEIP712DomainChanged struct {
	Raw *types.Log // Blockchain specific contextual infos
}

const TicketBrokerEIP712DomainChangedEventName = "EIP712DomainChanged"

// ContractEventName returns the user-defined event name.
func (TicketBrokerEIP712DomainChanged) ContractEventName() string {
	return TicketBrokerEIP712DomainChangedEventName
}

// UnpackEIP712DomainChangedEvent is the Go binding that unpacks the event data emitted
// by contract.
//
// Solidity: event EIP712DomainChanged()
func (ticketBroker *TicketBroker) UnpackEIP712DomainChangedEvent(log *types.Log) (*TicketBrokerEIP712DomainChanged, error) {
	event := "EIP712DomainChanged"
	if len(log.Topics) == 0 {
		return nil, bind.ErrNoEventSignature
	}
	if log.Topics[0] != ticketBroker.abi.Events[event].ID {
		return nil, bind.ErrEventSignatureMismatch
	}
	out := new(TicketBrokerEIP712DomainChanged)
	if len(log.Data) > 0 {
		if err := ticketBroker.abi.UnpackIntoInterface(out, event, log.Data); err != nil {
			return nil, err
		}
	}
	var indexed abi.Arguments
	for _, arg := range ticketBroker.abi.Events[event].Inputs {
		if arg.Indexed {
			indexed = append(indexed, arg)
		}
	}
	if err := abi.ParseTopics(out, indexed, log.Topics[1:]); err != nil {
		return nil, err
	}
	out.Raw = log
	return out, nil
}

// TicketBrokerEnrolled represents a Enrolled event raised by the TicketBroker contract.
type TicketBrokerEnrolled struct {
	Round     uint64
	Recipient common.Address
	Size      *big.Int
	Raw       *types.Log // Blockchain specific contextual infos
}

const TicketBrokerEnrolledEventName = "Enrolled"

// ContractEventName returns the user-defined event name.
func (TicketBrokerEnrolled) ContractEventName() string {
	return TicketBrokerEnrolledEventName
}

// UnpackEnrolledEvent is the Go binding that unpacks the event data emitted
// by contract.
//
// Solidity: event Enrolled(uint64 indexed round, address indexed recipient, uint256 size)
func (ticketBroker *TicketBroker) UnpackEnrolledEvent(log *types.Log) (*TicketBrokerEnrolled, error) {
	event := "Enrolled"
	if len(log.Topics) == 0 {
		return nil, bind.ErrNoEventSignature
	}
	if log.Topics[0] != ticketBroker.abi.Events[event].ID {
		return nil, bind.ErrEventSignatureMismatch
	}
	out := new(TicketBrokerEnrolled)
	if len(log.Data) > 0 {
		if err := ticketBroker.abi.UnpackIntoInterface(out, event, log.Data); err != nil {
			return nil, err
		}
	}
	var indexed abi.Arguments
	for _, arg := range ticketBroker.abi.Events[event].Inputs {
		if arg.Indexed {
			indexed = append(indexed, arg)
		}
	}
	if err := abi.ParseTopics(out, indexed, log.Topics[1:]); err != nil {
		return nil, err
	}
	out.Raw = log
	return out, nil
}

// TicketBrokerFunded represents a Funded event raised by the TicketBroker contract.
type TicketBrokerFunded struct {
	Sender  common.Address
	Deposit *big.Int
	Reserve *big.Int
	Raw     *types.Log // Blockchain specific contextual infos
}

const TicketBrokerFundedEventName = "Funded"

// ContractEventName returns the user-defined event name.
func (TicketBrokerFunded) ContractEventName() string {
	return TicketBrokerFundedEventName
}

// UnpackFundedEvent is the Go binding that unpacks the event data emitted
// by contract.
//
// Solidity: event Funded(address indexed sender, uint256 deposit, uint256 reserve)
func (ticketBroker *TicketBroker) UnpackFundedEvent(log *types.Log) (*TicketBrokerFunded, error) {
	event := "Funded"
	if len(log.Topics) == 0 {
		return nil, bind.ErrNoEventSignature
	}
	if log.Topics[0] != ticketBroker.abi.Events[event].ID {
		return nil, bind.ErrEventSignatureMismatch
	}
	out := new(TicketBrokerFunded)
	if len(log.Data) > 0 {
		if err := ticketBroker.abi.UnpackIntoInterface(out, event, log.Data); err != nil {
			return nil, err
		}
	}
	var indexed abi.Arguments
	for _, arg := range ticketBroker.abi.Events[event].Inputs {
		if arg.Indexed {
			indexed = append(indexed, arg)
		}
	}
	if err := abi.ParseTopics(out, indexed, log.Topics[1:]); err != nil {
		return nil, err
	}
	out.Raw = log
	return out, nil
}

// TicketBrokerSignerSet represents a SignerSet event raised by the TicketBroker contract.
type TicketBrokerSignerSet struct {
	Sender common.Address
	Signer common.Address
	Until  uint64
	Raw    *types.Log // Blockchain specific contextual infos
}

const TicketBrokerSignerSetEventName = "SignerSet"

// ContractEventName returns the user-defined event name.
func (TicketBrokerSignerSet) ContractEventName() string {
	return TicketBrokerSignerSetEventName
}

// UnpackSignerSetEvent is the Go binding that unpacks the event data emitted
// by contract.
//
// Solidity: event SignerSet(address indexed sender, address indexed signer, uint64 until)
func (ticketBroker *TicketBroker) UnpackSignerSetEvent(log *types.Log) (*TicketBrokerSignerSet, error) {
	event := "SignerSet"
	if len(log.Topics) == 0 {
		return nil, bind.ErrNoEventSignature
	}
	if log.Topics[0] != ticketBroker.abi.Events[event].ID {
		return nil, bind.ErrEventSignatureMismatch
	}
	out := new(TicketBrokerSignerSet)
	if len(log.Data) > 0 {
		if err := ticketBroker.abi.UnpackIntoInterface(out, event, log.Data); err != nil {
			return nil, err
		}
	}
	var indexed abi.Arguments
	for _, arg := range ticketBroker.abi.Events[event].Inputs {
		if arg.Indexed {
			indexed = append(indexed, arg)
		}
	}
	if err := abi.ParseTopics(out, indexed, log.Topics[1:]); err != nil {
		return nil, err
	}
	out.Raw = log
	return out, nil
}

// TicketBrokerSweepFailed represents a SweepFailed event raised by the TicketBroker contract.
type TicketBrokerSweepFailed struct {
	Recipient common.Address
	Amount    *big.Int
	Reason    []byte
	Raw       *types.Log // Blockchain specific contextual infos
}

const TicketBrokerSweepFailedEventName = "SweepFailed"

// ContractEventName returns the user-defined event name.
func (TicketBrokerSweepFailed) ContractEventName() string {
	return TicketBrokerSweepFailedEventName
}

// UnpackSweepFailedEvent is the Go binding that unpacks the event data emitted
// by contract.
//
// Solidity: event SweepFailed(address indexed recipient, uint256 amount, bytes reason)
func (ticketBroker *TicketBroker) UnpackSweepFailedEvent(log *types.Log) (*TicketBrokerSweepFailed, error) {
	event := "SweepFailed"
	if len(log.Topics) == 0 {
		return nil, bind.ErrNoEventSignature
	}
	if log.Topics[0] != ticketBroker.abi.Events[event].ID {
		return nil, bind.ErrEventSignatureMismatch
	}
	out := new(TicketBrokerSweepFailed)
	if len(log.Data) > 0 {
		if err := ticketBroker.abi.UnpackIntoInterface(out, event, log.Data); err != nil {
			return nil, err
		}
	}
	var indexed abi.Arguments
	for _, arg := range ticketBroker.abi.Events[event].Inputs {
		if arg.Indexed {
			indexed = append(indexed, arg)
		}
	}
	if err := abi.ParseTopics(out, indexed, log.Topics[1:]); err != nil {
		return nil, err
	}
	out.Raw = log
	return out, nil
}

// TicketBrokerSwept represents a Swept event raised by the TicketBroker contract.
type TicketBrokerSwept struct {
	Recipient common.Address
	Amount    *big.Int
	Raw       *types.Log // Blockchain specific contextual infos
}

const TicketBrokerSweptEventName = "Swept"

// ContractEventName returns the user-defined event name.
func (TicketBrokerSwept) ContractEventName() string {
	return TicketBrokerSweptEventName
}

// UnpackSweptEvent is the Go binding that unpacks the event data emitted
// by contract.
//
// Solidity: event Swept(address indexed recipient, uint256 amount)
func (ticketBroker *TicketBroker) UnpackSweptEvent(log *types.Log) (*TicketBrokerSwept, error) {
	event := "Swept"
	if len(log.Topics) == 0 {
		return nil, bind.ErrNoEventSignature
	}
	if log.Topics[0] != ticketBroker.abi.Events[event].ID {
		return nil, bind.ErrEventSignatureMismatch
	}
	out := new(TicketBrokerSwept)
	if len(log.Data) > 0 {
		if err := ticketBroker.abi.UnpackIntoInterface(out, event, log.Data); err != nil {
			return nil, err
		}
	}
	var indexed abi.Arguments
	for _, arg := range ticketBroker.abi.Events[event].Inputs {
		if arg.Indexed {
			indexed = append(indexed, arg)
		}
	}
	if err := abi.ParseTopics(out, indexed, log.Topics[1:]); err != nil {
		return nil, err
	}
	out.Raw = log
	return out, nil
}

// TicketBrokerTicketSkipped represents a TicketSkipped event raised by the TicketBroker contract.
type TicketBrokerTicketSkipped struct {
	Sender      common.Address
	Recipient   common.Address
	ReceiptHash [32]byte
	Lane        uint64
	Nonce       uint64
	Reason      uint8
	Raw         *types.Log // Blockchain specific contextual infos
}

const TicketBrokerTicketSkippedEventName = "TicketSkipped"

// ContractEventName returns the user-defined event name.
func (TicketBrokerTicketSkipped) ContractEventName() string {
	return TicketBrokerTicketSkippedEventName
}

// UnpackTicketSkippedEvent is the Go binding that unpacks the event data emitted
// by contract.
//
// Solidity: event TicketSkipped(address indexed sender, address indexed recipient, bytes32 indexed receiptHash, uint64 lane, uint64 nonce, uint8 reason)
func (ticketBroker *TicketBroker) UnpackTicketSkippedEvent(log *types.Log) (*TicketBrokerTicketSkipped, error) {
	event := "TicketSkipped"
	if len(log.Topics) == 0 {
		return nil, bind.ErrNoEventSignature
	}
	if log.Topics[0] != ticketBroker.abi.Events[event].ID {
		return nil, bind.ErrEventSignatureMismatch
	}
	out := new(TicketBrokerTicketSkipped)
	if len(log.Data) > 0 {
		if err := ticketBroker.abi.UnpackIntoInterface(out, event, log.Data); err != nil {
			return nil, err
		}
	}
	var indexed abi.Arguments
	for _, arg := range ticketBroker.abi.Events[event].Inputs {
		if arg.Indexed {
			indexed = append(indexed, arg)
		}
	}
	if err := abi.ParseTopics(out, indexed, log.Topics[1:]); err != nil {
		return nil, err
	}
	out.Raw = log
	return out, nil
}

// TicketBrokerUnlockCancelled represents a UnlockCancelled event raised by the TicketBroker contract.
type TicketBrokerUnlockCancelled struct {
	Sender common.Address
	Raw    *types.Log // Blockchain specific contextual infos
}

const TicketBrokerUnlockCancelledEventName = "UnlockCancelled"

// ContractEventName returns the user-defined event name.
func (TicketBrokerUnlockCancelled) ContractEventName() string {
	return TicketBrokerUnlockCancelledEventName
}

// UnpackUnlockCancelledEvent is the Go binding that unpacks the event data emitted
// by contract.
//
// Solidity: event UnlockCancelled(address indexed sender)
func (ticketBroker *TicketBroker) UnpackUnlockCancelledEvent(log *types.Log) (*TicketBrokerUnlockCancelled, error) {
	event := "UnlockCancelled"
	if len(log.Topics) == 0 {
		return nil, bind.ErrNoEventSignature
	}
	if log.Topics[0] != ticketBroker.abi.Events[event].ID {
		return nil, bind.ErrEventSignatureMismatch
	}
	out := new(TicketBrokerUnlockCancelled)
	if len(log.Data) > 0 {
		if err := ticketBroker.abi.UnpackIntoInterface(out, event, log.Data); err != nil {
			return nil, err
		}
	}
	var indexed abi.Arguments
	for _, arg := range ticketBroker.abi.Events[event].Inputs {
		if arg.Indexed {
			indexed = append(indexed, arg)
		}
	}
	if err := abi.ParseTopics(out, indexed, log.Topics[1:]); err != nil {
		return nil, err
	}
	out.Raw = log
	return out, nil
}

// TicketBrokerUnlocking represents a Unlocking event raised by the TicketBroker contract.
type TicketBrokerUnlocking struct {
	Sender   common.Address
	UnlockAt uint64
	Raw      *types.Log // Blockchain specific contextual infos
}

const TicketBrokerUnlockingEventName = "Unlocking"

// ContractEventName returns the user-defined event name.
func (TicketBrokerUnlocking) ContractEventName() string {
	return TicketBrokerUnlockingEventName
}

// UnpackUnlockingEvent is the Go binding that unpacks the event data emitted
// by contract.
//
// Solidity: event Unlocking(address indexed sender, uint64 unlockAt)
func (ticketBroker *TicketBroker) UnpackUnlockingEvent(log *types.Log) (*TicketBrokerUnlocking, error) {
	event := "Unlocking"
	if len(log.Topics) == 0 {
		return nil, bind.ErrNoEventSignature
	}
	if log.Topics[0] != ticketBroker.abi.Events[event].ID {
		return nil, bind.ErrEventSignatureMismatch
	}
	out := new(TicketBrokerUnlocking)
	if len(log.Data) > 0 {
		if err := ticketBroker.abi.UnpackIntoInterface(out, event, log.Data); err != nil {
			return nil, err
		}
	}
	var indexed abi.Arguments
	for _, arg := range ticketBroker.abi.Events[event].Inputs {
		if arg.Indexed {
			indexed = append(indexed, arg)
		}
	}
	if err := abi.ParseTopics(out, indexed, log.Topics[1:]); err != nil {
		return nil, err
	}
	out.Raw = log
	return out, nil
}

// TicketBrokerWinningTicketRedeemed represents a WinningTicketRedeemed event raised by the TicketBroker contract.
type TicketBrokerWinningTicketRedeemed struct {
	Sender      common.Address
	Recipient   common.Address
	ReceiptHash [32]byte
	FaceValue   *big.Int
	Paid        *big.Int
	FromReserve *big.Int
	Lane        uint64
	Nonce       uint64
	Round       uint64
	Raw         *types.Log // Blockchain specific contextual infos
}

const TicketBrokerWinningTicketRedeemedEventName = "WinningTicketRedeemed"

// ContractEventName returns the user-defined event name.
func (TicketBrokerWinningTicketRedeemed) ContractEventName() string {
	return TicketBrokerWinningTicketRedeemedEventName
}

// UnpackWinningTicketRedeemedEvent is the Go binding that unpacks the event data emitted
// by contract.
//
// Solidity: event WinningTicketRedeemed(address indexed sender, address indexed recipient, bytes32 indexed receiptHash, uint256 faceValue, uint256 paid, uint256 fromReserve, uint64 lane, uint64 nonce, uint64 round)
func (ticketBroker *TicketBroker) UnpackWinningTicketRedeemedEvent(log *types.Log) (*TicketBrokerWinningTicketRedeemed, error) {
	event := "WinningTicketRedeemed"
	if len(log.Topics) == 0 {
		return nil, bind.ErrNoEventSignature
	}
	if log.Topics[0] != ticketBroker.abi.Events[event].ID {
		return nil, bind.ErrEventSignatureMismatch
	}
	out := new(TicketBrokerWinningTicketRedeemed)
	if len(log.Data) > 0 {
		if err := ticketBroker.abi.UnpackIntoInterface(out, event, log.Data); err != nil {
			return nil, err
		}
	}
	var indexed abi.Arguments
	for _, arg := range ticketBroker.abi.Events[event].Inputs {
		if arg.Indexed {
			indexed = append(indexed, arg)
		}
	}
	if err := abi.ParseTopics(out, indexed, log.Topics[1:]); err != nil {
		return nil, err
	}
	out.Raw = log
	return out, nil
}

// TicketBrokerWithdrawn represents a Withdrawn event raised by the TicketBroker contract.
type TicketBrokerWithdrawn struct {
	Sender  common.Address
	Deposit *big.Int
	Reserve *big.Int
	Raw     *types.Log // Blockchain specific contextual infos
}

const TicketBrokerWithdrawnEventName = "Withdrawn"

// ContractEventName returns the user-defined event name.
func (TicketBrokerWithdrawn) ContractEventName() string {
	return TicketBrokerWithdrawnEventName
}

// UnpackWithdrawnEvent is the Go binding that unpacks the event data emitted
// by contract.
//
// Solidity: event Withdrawn(address indexed sender, uint256 deposit, uint256 reserve)
func (ticketBroker *TicketBroker) UnpackWithdrawnEvent(log *types.Log) (*TicketBrokerWithdrawn, error) {
	event := "Withdrawn"
	if len(log.Topics) == 0 {
		return nil, bind.ErrNoEventSignature
	}
	if log.Topics[0] != ticketBroker.abi.Events[event].ID {
		return nil, bind.ErrEventSignatureMismatch
	}
	out := new(TicketBrokerWithdrawn)
	if len(log.Data) > 0 {
		if err := ticketBroker.abi.UnpackIntoInterface(out, event, log.Data); err != nil {
			return nil, err
		}
	}
	var indexed abi.Arguments
	for _, arg := range ticketBroker.abi.Events[event].Inputs {
		if arg.Indexed {
			indexed = append(indexed, arg)
		}
	}
	if err := abi.ParseTopics(out, indexed, log.Topics[1:]); err != nil {
		return nil, err
	}
	out.Raw = log
	return out, nil
}

// UnpackError attempts to decode the provided error data using user-defined
// error definitions.
func (ticketBroker *TicketBroker) UnpackError(raw []byte) (any, error) {
	if bytes.Equal(raw[:4], ticketBroker.abi.Errors["AlreadyUnlocking"].ID.Bytes()[:4]) {
		return ticketBroker.UnpackAlreadyUnlockingError(raw[4:])
	}
	if bytes.Equal(raw[:4], ticketBroker.abi.Errors["CheckpointUnorderedInsertion"].ID.Bytes()[:4]) {
		return ticketBroker.UnpackCheckpointUnorderedInsertionError(raw[4:])
	}
	if bytes.Equal(raw[:4], ticketBroker.abi.Errors["FailedCall"].ID.Bytes()[:4]) {
		return ticketBroker.UnpackFailedCallError(raw[4:])
	}
	if bytes.Equal(raw[:4], ticketBroker.abi.Errors["InsufficientBalance"].ID.Bytes()[:4]) {
		return ticketBroker.UnpackInsufficientBalanceError(raw[4:])
	}
	if bytes.Equal(raw[:4], ticketBroker.abi.Errors["InvalidShortString"].ID.Bytes()[:4]) {
		return ticketBroker.UnpackInvalidShortStringError(raw[4:])
	}
	if bytes.Equal(raw[:4], ticketBroker.abi.Errors["Locked"].ID.Bytes()[:4]) {
		return ticketBroker.UnpackLockedError(raw[4:])
	}
	if bytes.Equal(raw[:4], ticketBroker.abi.Errors["NoFunds"].ID.Bytes()[:4]) {
		return ticketBroker.UnpackNoFundsError(raw[4:])
	}
	if bytes.Equal(raw[:4], ticketBroker.abi.Errors["NotCurrentRound"].ID.Bytes()[:4]) {
		return ticketBroker.UnpackNotCurrentRoundError(raw[4:])
	}
	if bytes.Equal(raw[:4], ticketBroker.abi.Errors["NotEligible"].ID.Bytes()[:4]) {
		return ticketBroker.UnpackNotEligibleError(raw[4:])
	}
	if bytes.Equal(raw[:4], ticketBroker.abi.Errors["PayoutTooLow"].ID.Bytes()[:4]) {
		return ticketBroker.UnpackPayoutTooLowError(raw[4:])
	}
	if bytes.Equal(raw[:4], ticketBroker.abi.Errors["SafeCastOverflowedUintDowncast"].ID.Bytes()[:4]) {
		return ticketBroker.UnpackSafeCastOverflowedUintDowncastError(raw[4:])
	}
	if bytes.Equal(raw[:4], ticketBroker.abi.Errors["StringTooLong"].ID.Bytes()[:4]) {
		return ticketBroker.UnpackStringTooLongError(raw[4:])
	}
	if bytes.Equal(raw[:4], ticketBroker.abi.Errors["TicketRejected"].ID.Bytes()[:4]) {
		return ticketBroker.UnpackTicketRejectedError(raw[4:])
	}
	if bytes.Equal(raw[:4], ticketBroker.abi.Errors["UnlockPeriodTooShort"].ID.Bytes()[:4]) {
		return ticketBroker.UnpackUnlockPeriodTooShortError(raw[4:])
	}
	if bytes.Equal(raw[:4], ticketBroker.abi.Errors["ValueMismatch"].ID.Bytes()[:4]) {
		return ticketBroker.UnpackValueMismatchError(raw[4:])
	}
	return nil, errors.New("Unknown error")
}

// TicketBrokerAlreadyUnlocking represents a AlreadyUnlocking error raised by the TicketBroker contract.
type TicketBrokerAlreadyUnlocking struct {
	UnlockAt uint64
}

// ErrorID returns the hash of canonical representation of the error's signature.
//
// Solidity: error AlreadyUnlocking(uint64 unlockAt)
func TicketBrokerAlreadyUnlockingErrorID() common.Hash {
	return common.HexToHash("0x443fe4210ba7e1ae823e9084b31d27ae1dc13a27b62dd86d063298a3bb251646")
}

// UnpackAlreadyUnlockingError is the Go binding used to decode the provided
// error data into the corresponding Go error struct.
//
// Solidity: error AlreadyUnlocking(uint64 unlockAt)
func (ticketBroker *TicketBroker) UnpackAlreadyUnlockingError(raw []byte) (*TicketBrokerAlreadyUnlocking, error) {
	out := new(TicketBrokerAlreadyUnlocking)
	if err := ticketBroker.abi.UnpackIntoInterface(out, "AlreadyUnlocking", raw); err != nil {
		return nil, err
	}
	return out, nil
}

// TicketBrokerCheckpointUnorderedInsertion represents a CheckpointUnorderedInsertion error raised by the TicketBroker contract.
type TicketBrokerCheckpointUnorderedInsertion struct {
}

// ErrorID returns the hash of canonical representation of the error's signature.
//
// Solidity: error CheckpointUnorderedInsertion()
func TicketBrokerCheckpointUnorderedInsertionErrorID() common.Hash {
	return common.HexToHash("0x2520601d9d60b717c34a36ad270857824c5a1ebbfd08ff39aba6930089495cfa")
}

// UnpackCheckpointUnorderedInsertionError is the Go binding used to decode the provided
// error data into the corresponding Go error struct.
//
// Solidity: error CheckpointUnorderedInsertion()
func (ticketBroker *TicketBroker) UnpackCheckpointUnorderedInsertionError(raw []byte) (*TicketBrokerCheckpointUnorderedInsertion, error) {
	out := new(TicketBrokerCheckpointUnorderedInsertion)
	if err := ticketBroker.abi.UnpackIntoInterface(out, "CheckpointUnorderedInsertion", raw); err != nil {
		return nil, err
	}
	return out, nil
}

// TicketBrokerFailedCall represents a FailedCall error raised by the TicketBroker contract.
type TicketBrokerFailedCall struct {
}

// ErrorID returns the hash of canonical representation of the error's signature.
//
// Solidity: error FailedCall()
func TicketBrokerFailedCallErrorID() common.Hash {
	return common.HexToHash("0xd6bda27508c0fb6d8a39b4b122878dab26f731a7d4e4abe711dd3731899052a4")
}

// UnpackFailedCallError is the Go binding used to decode the provided
// error data into the corresponding Go error struct.
//
// Solidity: error FailedCall()
func (ticketBroker *TicketBroker) UnpackFailedCallError(raw []byte) (*TicketBrokerFailedCall, error) {
	out := new(TicketBrokerFailedCall)
	if err := ticketBroker.abi.UnpackIntoInterface(out, "FailedCall", raw); err != nil {
		return nil, err
	}
	return out, nil
}

// TicketBrokerInsufficientBalance represents a InsufficientBalance error raised by the TicketBroker contract.
type TicketBrokerInsufficientBalance struct {
	Balance *big.Int
	Needed  *big.Int
}

// ErrorID returns the hash of canonical representation of the error's signature.
//
// Solidity: error InsufficientBalance(uint256 balance, uint256 needed)
func TicketBrokerInsufficientBalanceErrorID() common.Hash {
	return common.HexToHash("0xcf4791818fba6e019216eb4864093b4947f674afada5d305e57d598b641dad1d")
}

// UnpackInsufficientBalanceError is the Go binding used to decode the provided
// error data into the corresponding Go error struct.
//
// Solidity: error InsufficientBalance(uint256 balance, uint256 needed)
func (ticketBroker *TicketBroker) UnpackInsufficientBalanceError(raw []byte) (*TicketBrokerInsufficientBalance, error) {
	out := new(TicketBrokerInsufficientBalance)
	if err := ticketBroker.abi.UnpackIntoInterface(out, "InsufficientBalance", raw); err != nil {
		return nil, err
	}
	return out, nil
}

// TicketBrokerInvalidShortString represents a InvalidShortString error raised by the TicketBroker contract.
type TicketBrokerInvalidShortString struct {
}

// ErrorID returns the hash of canonical representation of the error's signature.
//
// Solidity: error InvalidShortString()
func TicketBrokerInvalidShortStringErrorID() common.Hash {
	return common.HexToHash("0xb3512b0c6163e5f0bafab72bb631b9d58cd7a731b082f910338aa21c83d5c274")
}

// UnpackInvalidShortStringError is the Go binding used to decode the provided
// error data into the corresponding Go error struct.
//
// Solidity: error InvalidShortString()
func (ticketBroker *TicketBroker) UnpackInvalidShortStringError(raw []byte) (*TicketBrokerInvalidShortString, error) {
	out := new(TicketBrokerInvalidShortString)
	if err := ticketBroker.abi.UnpackIntoInterface(out, "InvalidShortString", raw); err != nil {
		return nil, err
	}
	return out, nil
}

// TicketBrokerLocked represents a Locked error raised by the TicketBroker contract.
type TicketBrokerLocked struct {
	UnlockAt uint64
}

// ErrorID returns the hash of canonical representation of the error's signature.
//
// Solidity: error Locked(uint64 unlockAt)
func TicketBrokerLockedErrorID() common.Hash {
	return common.HexToHash("0xeada2658bdffa19cde38de41cf093822ebf95b75028fe95357edf04ad0ac1c2c")
}

// UnpackLockedError is the Go binding used to decode the provided
// error data into the corresponding Go error struct.
//
// Solidity: error Locked(uint64 unlockAt)
func (ticketBroker *TicketBroker) UnpackLockedError(raw []byte) (*TicketBrokerLocked, error) {
	out := new(TicketBrokerLocked)
	if err := ticketBroker.abi.UnpackIntoInterface(out, "Locked", raw); err != nil {
		return nil, err
	}
	return out, nil
}

// TicketBrokerNoFunds represents a NoFunds error raised by the TicketBroker contract.
type TicketBrokerNoFunds struct {
}

// ErrorID returns the hash of canonical representation of the error's signature.
//
// Solidity: error NoFunds()
func TicketBrokerNoFundsErrorID() common.Hash {
	return common.HexToHash("0x43f9e1106d52dd56a6d8d7b59320083ed61880bd3b43d06e6a4c14a62b11324b")
}

// UnpackNoFundsError is the Go binding used to decode the provided
// error data into the corresponding Go error struct.
//
// Solidity: error NoFunds()
func (ticketBroker *TicketBroker) UnpackNoFundsError(raw []byte) (*TicketBrokerNoFunds, error) {
	out := new(TicketBrokerNoFunds)
	if err := ticketBroker.abi.UnpackIntoInterface(out, "NoFunds", raw); err != nil {
		return nil, err
	}
	return out, nil
}

// TicketBrokerNotCurrentRound represents a NotCurrentRound error raised by the TicketBroker contract.
type TicketBrokerNotCurrentRound struct {
	Asked   uint64
	Current uint64
}

// ErrorID returns the hash of canonical representation of the error's signature.
//
// Solidity: error NotCurrentRound(uint64 asked, uint64 current)
func TicketBrokerNotCurrentRoundErrorID() common.Hash {
	return common.HexToHash("0x772c3609604c43ecd10f85599a81d6ea7aec520ce7808508bcadeffd781f93ed")
}

// UnpackNotCurrentRoundError is the Go binding used to decode the provided
// error data into the corresponding Go error struct.
//
// Solidity: error NotCurrentRound(uint64 asked, uint64 current)
func (ticketBroker *TicketBroker) UnpackNotCurrentRoundError(raw []byte) (*TicketBrokerNotCurrentRound, error) {
	out := new(TicketBrokerNotCurrentRound)
	if err := ticketBroker.abi.UnpackIntoInterface(out, "NotCurrentRound", raw); err != nil {
		return nil, err
	}
	return out, nil
}

// TicketBrokerNotEligible represents a NotEligible error raised by the TicketBroker contract.
type TicketBrokerNotEligible struct {
	Recipient common.Address
	Round     uint64
}

// ErrorID returns the hash of canonical representation of the error's signature.
//
// Solidity: error NotEligible(address recipient, uint64 round)
func TicketBrokerNotEligibleErrorID() common.Hash {
	return common.HexToHash("0x879342fb467064a57063ee19c9abd5c23cd8ca30c1d80bcb4664d1bf80463bfa")
}

// UnpackNotEligibleError is the Go binding used to decode the provided
// error data into the corresponding Go error struct.
//
// Solidity: error NotEligible(address recipient, uint64 round)
func (ticketBroker *TicketBroker) UnpackNotEligibleError(raw []byte) (*TicketBrokerNotEligible, error) {
	out := new(TicketBrokerNotEligible)
	if err := ticketBroker.abi.UnpackIntoInterface(out, "NotEligible", raw); err != nil {
		return nil, err
	}
	return out, nil
}

// TicketBrokerPayoutTooLow represents a PayoutTooLow error raised by the TicketBroker contract.
type TicketBrokerPayoutTooLow struct {
	Payable   *big.Int
	MinPayout *big.Int
}

// ErrorID returns the hash of canonical representation of the error's signature.
//
// Solidity: error PayoutTooLow(uint256 payable_, uint256 minPayout)
func TicketBrokerPayoutTooLowErrorID() common.Hash {
	return common.HexToHash("0x50c915bd4696e75e3358b552a295dfc3b3aaf9b850a6d7dc4aeaca9387d43dec")
}

// UnpackPayoutTooLowError is the Go binding used to decode the provided
// error data into the corresponding Go error struct.
//
// Solidity: error PayoutTooLow(uint256 payable_, uint256 minPayout)
func (ticketBroker *TicketBroker) UnpackPayoutTooLowError(raw []byte) (*TicketBrokerPayoutTooLow, error) {
	out := new(TicketBrokerPayoutTooLow)
	if err := ticketBroker.abi.UnpackIntoInterface(out, "PayoutTooLow", raw); err != nil {
		return nil, err
	}
	return out, nil
}

// TicketBrokerSafeCastOverflowedUintDowncast represents a SafeCastOverflowedUintDowncast error raised by the TicketBroker contract.
type TicketBrokerSafeCastOverflowedUintDowncast struct {
	Bits  uint8
	Value *big.Int
}

// ErrorID returns the hash of canonical representation of the error's signature.
//
// Solidity: error SafeCastOverflowedUintDowncast(uint8 bits, uint256 value)
func TicketBrokerSafeCastOverflowedUintDowncastErrorID() common.Hash {
	return common.HexToHash("0x6dfcc6503a32754ce7a89698e18201fc5294fd4aad43edefee786f88423b1a12")
}

// UnpackSafeCastOverflowedUintDowncastError is the Go binding used to decode the provided
// error data into the corresponding Go error struct.
//
// Solidity: error SafeCastOverflowedUintDowncast(uint8 bits, uint256 value)
func (ticketBroker *TicketBroker) UnpackSafeCastOverflowedUintDowncastError(raw []byte) (*TicketBrokerSafeCastOverflowedUintDowncast, error) {
	out := new(TicketBrokerSafeCastOverflowedUintDowncast)
	if err := ticketBroker.abi.UnpackIntoInterface(out, "SafeCastOverflowedUintDowncast", raw); err != nil {
		return nil, err
	}
	return out, nil
}

// TicketBrokerStringTooLong represents a StringTooLong error raised by the TicketBroker contract.
type TicketBrokerStringTooLong struct {
	Str string
}

// ErrorID returns the hash of canonical representation of the error's signature.
//
// Solidity: error StringTooLong(string str)
func TicketBrokerStringTooLongErrorID() common.Hash {
	return common.HexToHash("0x305a27a93f8e33b7392df0a0f91d6fc63847395853c45991eec52dbf24d72381")
}

// UnpackStringTooLongError is the Go binding used to decode the provided
// error data into the corresponding Go error struct.
//
// Solidity: error StringTooLong(string str)
func (ticketBroker *TicketBroker) UnpackStringTooLongError(raw []byte) (*TicketBrokerStringTooLong, error) {
	out := new(TicketBrokerStringTooLong)
	if err := ticketBroker.abi.UnpackIntoInterface(out, "StringTooLong", raw); err != nil {
		return nil, err
	}
	return out, nil
}

// TicketBrokerTicketRejected represents a TicketRejected error raised by the TicketBroker contract.
type TicketBrokerTicketRejected struct {
	Reason uint8
}

// ErrorID returns the hash of canonical representation of the error's signature.
//
// Solidity: error TicketRejected(uint8 reason)
func TicketBrokerTicketRejectedErrorID() common.Hash {
	return common.HexToHash("0xe1f799e273b68677fdd2bfc9b621f04da1a6191dd5ad35513b6ad2e5885b9cbe")
}

// UnpackTicketRejectedError is the Go binding used to decode the provided
// error data into the corresponding Go error struct.
//
// Solidity: error TicketRejected(uint8 reason)
func (ticketBroker *TicketBroker) UnpackTicketRejectedError(raw []byte) (*TicketBrokerTicketRejected, error) {
	out := new(TicketBrokerTicketRejected)
	if err := ticketBroker.abi.UnpackIntoInterface(out, "TicketRejected", raw); err != nil {
		return nil, err
	}
	return out, nil
}

// TicketBrokerUnlockPeriodTooShort represents a UnlockPeriodTooShort error raised by the TicketBroker contract.
type TicketBrokerUnlockPeriodTooShort struct {
	Given    uint64
	Required uint64
}

// ErrorID returns the hash of canonical representation of the error's signature.
//
// Solidity: error UnlockPeriodTooShort(uint64 given, uint64 required)
func TicketBrokerUnlockPeriodTooShortErrorID() common.Hash {
	return common.HexToHash("0xc037589cbbfc71fa0a2bcb46727ee3d37605558ec6998e940fa1d57abcf1e7a2")
}

// UnpackUnlockPeriodTooShortError is the Go binding used to decode the provided
// error data into the corresponding Go error struct.
//
// Solidity: error UnlockPeriodTooShort(uint64 given, uint64 required)
func (ticketBroker *TicketBroker) UnpackUnlockPeriodTooShortError(raw []byte) (*TicketBrokerUnlockPeriodTooShort, error) {
	out := new(TicketBrokerUnlockPeriodTooShort)
	if err := ticketBroker.abi.UnpackIntoInterface(out, "UnlockPeriodTooShort", raw); err != nil {
		return nil, err
	}
	return out, nil
}

// TicketBrokerValueMismatch represents a ValueMismatch error raised by the TicketBroker contract.
type TicketBrokerValueMismatch struct {
	Sent  *big.Int
	Asked *big.Int
}

// ErrorID returns the hash of canonical representation of the error's signature.
//
// Solidity: error ValueMismatch(uint256 sent, uint256 asked)
func TicketBrokerValueMismatchErrorID() common.Hash {
	return common.HexToHash("0x626ade30b602bf9a3b5aab29d4b89b4e805bf63222f673c9b10b2f6ca4f2b089")
}

// UnpackValueMismatchError is the Go binding used to decode the provided
// error data into the corresponding Go error struct.
//
// Solidity: error ValueMismatch(uint256 sent, uint256 asked)
func (ticketBroker *TicketBroker) UnpackValueMismatchError(raw []byte) (*TicketBrokerValueMismatch, error) {
	out := new(TicketBrokerValueMismatch)
	if err := ticketBroker.abi.UnpackIntoInterface(out, "ValueMismatch", raw); err != nil {
		return nil, err
	}
	return out, nil
}
