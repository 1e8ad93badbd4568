// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {UUPSUpgradeable} from "@openzeppelin/contracts-upgradeable/proxy/utils/UUPSUpgradeable.sol";
import {Proxy} from "@openzeppelin/contracts/proxy/Proxy.sol";
import {CastToken} from "./CastToken.sol";
import {StakingViews} from "./StakingViews.sol";
import {IActiveStake} from "./interfaces/IActiveStake.sol";
import {IRounds} from "./interfaces/IRounds.sol";
import {IStaking} from "./interfaces/IStaking.sol";
import {Earnings} from "./staking/Earnings.sol";
import {Registry} from "./staking/Registry.sol";
import {Slashing} from "./staking/Slashing.sol";
import {StakingParameters, StakingState} from "./staking/StakingState.sol";

/// @title Staking
/// @notice The registry of orchestrators, the stake behind them, and the split of what they earn.
///
/// An orchestrator is its owner's address. Its pool holds CAST from the owner and from delegators as shares: emission raises
/// what a share is worth, fees raise a cumulative fee per share. The active set, those who may work and whose tickets a
/// sender's reserve secures, is a packed array; who finds it full names a member with less stake and takes its place.
///
/// The parts: StakingState (storage), Pools (the steps that all share), Delegation, Registry, Earnings, Slashing. This contract
/// is them together, with the upgrade; StakingViews answers at its address too.
/// @custom:oz-upgrades-unsafe-allow constructor state-variable-immutable
contract Staking layout at erc7201("castnet.storage.Staking")
    is
    Registry,
    Earnings,
    Slashing,
    IActiveStake,
    UUPSUpgradeable,
    Proxy
{
    StakingViews private immutable _views;

    /// @param token_ CAST
    /// @param rounds_ the Rounds contract, whose genesis and round length are copied
    /// @param p the constants
    constructor(CastToken token_, IRounds rounds_, StakingParameters memory p) StakingState(token_, rounds_, p) {
        _views = new StakingViews(token_, rounds_, p);
        _disableInitializers();
    }

    /// @notice Makes a proxy ready.
    /// @param authority the AccessManager that says who may upgrade, slash and jail
    function initialize(address authority) external initializer {
        __AccessManaged_init(authority);
        _clock.round = uint32(_currentRound());
    }

    /// @inheritdoc IStaking
    function activeCount() external view returns (uint256) {
        return _active.length;
    }

    /// @inheritdoc IActiveStake
    function totalActiveStake() external view returns (uint256) {
        return _clock.activeStake;
    }

    /// @inheritdoc IStaking
    function isEligible(address orchestrator, uint64 round) external view returns (bool) {
        uint256 place = _pools[orchestrator].place;
        return place != 0 && _active[place - 1].activeFrom <= round;
    }

    function _authorizeUpgrade(address) internal override restricted {}

    /// What is not found here is answered by the views, out of the same storage.
    function _implementation() internal view override returns (address) {
        return address(_views);
    }
}
