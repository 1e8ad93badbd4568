// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {CastToken} from "../src/CastToken.sol";
import {Rounds} from "../src/Rounds.sol";
import {Staking} from "../src/Staking.sol";
import {TicketBroker} from "../src/TicketBroker.sol";
import {IRounds} from "../src/interfaces/IRounds.sol";
import {IStaking} from "../src/interfaces/IStaking.sol";

/// The part of forge's cheat codes that the tests use.
interface Vm {
    function addr(uint256 key) external pure returns (address);
    function sign(uint256 key, bytes32 digest) external pure returns (uint8 v, bytes32 r, bytes32 s);
    function prank(address sender) external;
    function startPrank(address sender) external;
    function stopPrank() external;
    function deal(address account, uint256 balance) external;
    function etch(address account, bytes calldata code) external;
    function warp(uint256 time) external;
    function roll(uint256 number) external;
    function expectRevert(bytes calldata data) external;
    function assume(bool condition) external pure;
    function computeCreateAddress(address deployer, uint256 nonce) external pure returns (address);
    function getNonce(address account) external view returns (uint64);
}

/// A deployment with three orchestrators (stakes 50/30/20), a delegator and a funded broadcaster.
abstract contract Fixture {
    Vm internal constant vm = Vm(address(uint160(uint256(keccak256("hevm cheat code")))));

    uint64 internal constant ROUND = 1 hours;
    uint64 internal constant VALIDITY = 1 days;
    uint64 internal constant UNLOCK = 3 days;
    uint64 internal constant UNBONDING = 7 days;
    uint256 internal constant SENDER_KEY = 0xB0B;

    CastToken internal token;
    Rounds internal rounds;
    Staking internal staking;
    TicketBroker internal broker;

    address internal sender;
    address internal relayer = address(0x4E1A);
    address internal delegator = address(0xDE1E);
    address[3] internal orchestrators = [address(0xA1), address(0xA2), address(0xA3)];

    function setUp() public virtual {
        vm.warp(1_800_000_000);
        vm.roll(100);
        sender = vm.addr(SENDER_KEY);
        _deploy(3);
        uint256[3] memory stakes = [uint256(50 ether), 30 ether, 20 ether];
        for (uint256 i = 0; i < 3; ++i) {
            _register(orchestrators[i], stakes[i]);
        }
        vm.deal(sender, 1000 ether);
        vm.prank(sender);
        broker.fund{value: 40 ether}(10 ether, 30 ether);
    }

    function _deploy(uint16 maxActive) internal {
        uint64 nonce = vm.getNonce(address(this));
        address roundsAt = vm.computeCreateAddress(address(this), nonce + 1);
        address stakingAt = vm.computeCreateAddress(address(this), nonce + 2);
        CastToken.Allocation[] memory supply = new CastToken.Allocation[](1);
        supply[0] = CastToken.Allocation(address(this), 1_000_000 ether);
        token = new CastToken(roundsAt, supply);
        rounds = new Rounds(token, stakingAt, ROUND, 100_000);
        staking = new Staking(token, IRounds(roundsAt), Staking.Parameters(1 ether, UNBONDING, maxActive));
        broker = new TicketBroker(IStaking(stakingAt), IRounds(roundsAt), VALIDITY, UNLOCK);
        eq(address(rounds), roundsAt);
        eq(address(staking), stakingAt);
    }

    function _register(address owner, uint256 stake) internal {
        _give(owner, stake);
        vm.prank(owner);
        staking.register(
            Staking.Registration(address(uint160(owner) + 0x1000), 100_000, 500_000, "https://127.0.0.1:8935"), stake
        );
    }

    function _give(address account, uint256 amount) internal {
        token.transfer(account, amount);
        vm.prank(account);
        token.approve(address(staking), type(uint256).max);
    }

    function _delegate(address who, address to, uint256 amount) internal {
        _give(who, amount);
        vm.prank(who);
        staking.delegate(to, amount);
    }

    /// A ticket that is paid for certain: `amount` for `recipient`.
    function _ticket(address recipient, uint256 amount, uint64 nonce)
        internal
        view
        returns (TicketBroker.Ticket memory t)
    {
        t.receiptHash = keccak256(abi.encode(recipient, nonce));
        t.sender = sender;
        t.recipient = recipient;
        t.fee = amount;
        t.faceValue = amount;
        t.randHash = keccak256(abi.encode(_rand(nonce)));
        t.lane = 7;
        t.nonce = nonce;
        t.round = rounds.currentRound();
        t.expiry = uint64(block.timestamp) + 1 hours;
    }

    function _rand(uint64 nonce) internal pure returns (bytes32) {
        return keccak256(abi.encode("rand", nonce));
    }

    function _signed(TicketBroker.Ticket memory t) internal view returns (TicketBroker.Redemption memory item) {
        return _signedBy(SENDER_KEY, t);
    }

    function _signedBy(uint256 key, TicketBroker.Ticket memory t)
        internal
        view
        returns (TicketBroker.Redemption memory item)
    {
        item.ticket = t;
        (item.v, item.r, item.s) = vm.sign(key, broker.ticketHash(t));
        item.recipientRand = _rand(t.nonce);
    }

    function _redeem(TicketBroker.Redemption memory i) internal returns (uint256) {
        return broker.redeem(i.ticket, i.v, i.r, i.s, i.recipientRand, 0);
    }

    function _deposit() internal view returns (uint256 deposit) {
        (deposit,,) = broker.senderInfo(sender);
    }

    function _reserve() internal view returns (uint256 reserve) {
        (, reserve,) = broker.senderInfo(sender);
    }

    function _drainDeposit() internal {
        _redeem(_signed(_ticket(address(0xD7A1), 10 ether, 1_000_000)));
        eq(_deposit(), 0);
    }

    error NotEqual(bytes32 got, bytes32 want);
    error NotTrue(string what);

    function eq(uint256 got, uint256 want) internal pure {
        if (got != want) revert NotEqual(bytes32(got), bytes32(want));
    }

    function eq(address got, address want) internal pure {
        eq(uint256(uint160(got)), uint256(uint160(want)));
    }

    function eq(bytes32 got, bytes32 want) internal pure {
        if (got != want) revert NotEqual(got, want);
    }

    function ok(bool condition, string memory what) internal pure {
        if (!condition) revert NotTrue(what);
    }
}
