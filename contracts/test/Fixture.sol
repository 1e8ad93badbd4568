// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {TimelockController} from "@openzeppelin/contracts/governance/TimelockController.sol";
import {AccessManager} from "@openzeppelin/contracts/access/manager/AccessManager.sol";
import {ERC1967Proxy} from "@openzeppelin/contracts/proxy/ERC1967/ERC1967Proxy.sol";
import {CastToken} from "../src/CastToken.sol";
import {PrevrandaoBeacon} from "../src/PrevrandaoBeacon.sol";
import {Emission, Rounds} from "../src/Rounds.sol";
import {Staking} from "../src/Staking.sol";
import {StakingViews} from "../src/StakingViews.sol";
import {Slashing} from "../src/staking/Slashing.sol";
import {Registration, StakingParameters} from "../src/staking/StakingState.sol";
import {Asserts} from "./BrokerFixture.sol";
import {TicketBroker} from "../src/TicketBroker.sol";

/// The part of forge's cheat codes that the tests use.
interface Vm {
    struct Log {
        bytes32[] topics;
        bytes data;
        address emitter;
    }

    struct Gas {
        uint64 gasLimit;
        uint64 gasTotalUsed;
        uint64 gasMemoryUsed;
        int64 gasRefunded;
        uint64 gasRemaining;
    }

    function addr(uint256 key) external pure returns (address);
    function sign(uint256 key, bytes32 digest) external pure returns (uint8 v, bytes32 r, bytes32 s);
    function prank(address sender) external;
    function startPrank(address sender) external;
    function stopPrank() external;
    function deal(address account, uint256 balance) external;
    function load(address account, bytes32 slot) external view returns (bytes32);
    function store(address account, bytes32 slot, bytes32 value) external;
    function etch(address account, bytes calldata code) external;
    function warp(uint256 time) external;
    function roll(uint256 number) external;
    function expectRevert(bytes calldata data) external;
    function expectRevert(bytes4 selector) external;
    function expectRevert() external;
    function assume(bool condition) external pure;
    function computeCreateAddress(address deployer, uint256 nonce) external pure returns (address);
    function getNonce(address account) external view returns (uint64);
    function recordLogs() external;
    function getRecordedLogs() external returns (Log[] memory);
    function lastCallGas() external view returns (Gas memory);
    function snapshotValue(string calldata group, string calldata name, uint256 value) external;
}

/// A deployment with three orchestrators (stakes 50/30/20), a delegator and a funded broadcaster.
abstract contract Fixture is Asserts {
    Vm internal constant vm = Vm(address(uint160(uint256(keccak256("hevm cheat code")))));

    uint64 internal constant ROUND = 1 hours;
    uint64 internal constant VALIDITY = 1 days;
    uint64 internal constant UNLOCK = 3 days;
    uint64 internal constant UNBONDING = 7 days;
    uint256 internal constant TIMELOCK = 2 days;
    uint256 internal constant CAP = 10_000_000 ether;
    uint32 internal constant MAX_SLASH = 500_000;
    uint64 internal constant JUDGE_ROLE = 1;
    uint256 internal constant SENDER_KEY = 0xB0B;

    CastToken internal token;
    Rounds internal rounds;
    Staking internal staking;
    StakingViews internal views; // at the address of staking
    TicketBroker internal broker;
    AccessManager internal manager;
    TimelockController internal timelock;

    address internal sender;
    address internal relayer = address(0x4E1A);
    address internal delegator = address(0xDE1E);
    address internal judge = address(0x1D6E); // what Disputes is to Staking
    address internal proposer = address(0x6043);
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

    /// The calls of `castnet chain deploy`, in its order: the contracts know each other by the addresses that come.
    function _deploy(uint16 maxActive) internal {
        uint64 nonce = vm.getNonce(address(this));
        Rounds roundsAt = Rounds(vm.computeCreateAddress(address(this), nonce + 4));
        Staking stakingAt = Staking(payable(vm.computeCreateAddress(address(this), nonce + 6)));
        CastToken.Allocation[] memory supply = new CastToken.Allocation[](1);
        supply[0] = CastToken.Allocation(address(this), 1_000_000 ether);
        token = new CastToken(address(roundsAt), CAP, supply);
        manager = new AccessManager(address(this));
        PrevrandaoBeacon source = new PrevrandaoBeacon();
        bytes memory init =
            abi.encodeCall(Rounds.initialize, (address(manager), token, stakingAt, source, ROUND, _emission()));
        rounds = Rounds(address(new ERC1967Proxy(address(new Rounds()), init)));
        Staking implementation =
            new Staking(token, roundsAt, StakingParameters(1 ether, UNBONDING, maxActive, MAX_SLASH));
        init = abi.encodeCall(Staking.initialize, (address(manager)));
        staking = Staking(payable(address(new ERC1967Proxy(address(implementation), init))));
        views = StakingViews(address(staking));
        broker = new TicketBroker(stakingAt, roundsAt, VALIDITY, UNLOCK);
        eq(address(rounds), address(roundsAt));
        eq(address(staking), address(stakingAt));

        bytes4[] memory punishing = new bytes4[](2);
        (punishing[0], punishing[1]) = (Slashing.slash.selector, Slashing.jail.selector);
        manager.setTargetFunctionRole(address(staking), punishing, JUDGE_ROLE);
        manager.grantRole(JUDGE_ROLE, judge, 0);
        address[] memory proposers = new address[](1);
        proposers[0] = proposer;
        timelock = new TimelockController(TIMELOCK, proposers, proposers, address(0));
        manager.grantRole(manager.ADMIN_ROLE(), address(timelock), 0);
        manager.renounceRole(manager.ADMIN_ROLE(), address(this));
    }

    function _emission() internal pure virtual returns (Emission memory) {
        return Emission(100_000, 0, 1_000_000, 500_000, 0, address(0));
    }

    function _register(address owner, uint256 stake) internal {
        _give(owner, stake);
        vm.prank(owner);
        staking.register(Registration(_operator(owner), 100_000, 500_000, "https://127.0.0.1:8935", 7), stake, "");
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

    function _operator(address owner) internal pure returns (address) {
        return address(uint160(owner) + 0x1000);
    }

    function _stake(address orchestrator, address who) internal view returns (uint256 stake) {
        (stake,,) = views.positionInfo(orchestrator, who);
    }

    function _fees(address orchestrator, address who) internal view returns (uint256 fees) {
        (,, fees) = views.positionInfo(orchestrator, who);
    }

    /// The total is the sum of the set's members.
    function _eqActiveStake() internal view {
        uint256[] memory set = views.activeSet();
        uint256 sum;
        for (uint256 i = 0; i < set.length; ++i) {
            sum += set[i] >> 160;
        }
        eq(staking.totalActiveStake(), sum);
    }

    /// `got` is `want`, or a wei less.
    function near(uint256 got, uint256 want) internal pure {
        within(got, want, 1);
    }

    /// `got` is `want`, or up to `slack` less.
    function within(uint256 got, uint256 want, uint256 slack) internal pure {
        if (got > want || got + slack < want) revert NotEqual(bytes32(got), bytes32(want));
    }
}
