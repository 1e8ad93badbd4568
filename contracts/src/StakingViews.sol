// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {Checkpoints} from "@openzeppelin/contracts/utils/structs/Checkpoints.sol";
import {CastToken} from "./CastToken.sol";
import {IRounds} from "./interfaces/IRounds.sol";
import {Shares} from "./staking/Shares.sol";
import {Listing, StakingParameters, StakingState, Unbonding} from "./staking/StakingState.sol";

/// @title StakingViews
/// @notice What clients ask Staking. It is called at Staking's address, whose fallback lends it the storage: one contract with
/// both would be larger than EIP-170 allows.
contract StakingViews layout at erc7201("castnet.storage.Staking") is StakingState {
    using Checkpoints for Checkpoints.Trace208;

    /// @param token_ as Staking's
    /// @param rounds_ as Staking's
    /// @param p as Staking's
    constructor(CastToken token_, IRounds rounds_, StakingParameters memory p) StakingState(token_, rounds_, p) {}

    /// @notice The key that signs for `orchestrator` in `round`; zero if it was not registered then.
    function operatorAt(address orchestrator, uint64 round) public view returns (address) {
        return address(uint160(_pools[orchestrator].operators.upperLookupRecent(uint48(round))));
    }

    /// @notice CAST behind `orchestrator` when `round` began (round 0 counts what came in it), by the last checkpoint before.
    /// Emission that was settled since is not in it.
    function stakeAt(address orchestrator, uint64 round) public view returns (uint256) {
        Pool storage pool = _pools[orchestrator];
        (uint256 low, uint256 high) = (0, pool.checkpoints);
        while (low < high) {
            uint256 middle = Math.average(low, high);
            if (pool.history[middle].from > round) high = middle;
            else low = middle + 1;
        }
        return high == 0 ? 0 : pool.history[high - 1].stake;
    }

    /// @notice Whose operator a key is or was, and whether the key agreed. A key serves one orchestrator for ever.
    function orchestratorOf(address operator) external view returns (address orchestrator, bool consented) {
        Key storage key = _keys[operator];
        return (key.orchestrator, key.consented);
    }

    /// @notice The active set, packed: stake << 160 | orchestrator.
    function activeSet() external view returns (uint256[] memory set) {
        set = new uint256[](_active.length);
        for (uint256 i = 0; i < set.length; ++i) {
            address id = _active[i].orchestrator;
            set[i] = (uint256(_pools[id].stake) << 160) | uint160(id);
        }
    }

    /// @notice Up to `limit` members of the active set from index `offset` on.
    function orchestrators(uint256 offset, uint256 limit) external view returns (Listing[] memory list) {
        uint256 end = Math.min(_active.length, Math.saturatingAdd(offset, limit));
        if (offset >= end) return list;
        list = new Listing[](end - offset);
        for (uint256 i = offset; i < end; ++i) {
            list[i - offset] = orchestratorInfo(_active[i].orchestrator);
        }
    }

    /// @notice One entry of the registry, with the emission that it has coming; its operator is zero if nobody registered `id`.
    function orchestratorInfo(address id) public view returns (Listing memory l) {
        Pool storage pool = _pools[id];
        uint64 round = _currentRound();
        (uint256 shared, uint256 cut) = _pending(pool);
        l.id = id;
        l.operator = operatorAt(id, round);
        l.stake = pool.stake + shared;
        l.weight = stakeAt(id, round);
        l.selfStake = Shares.worth(_positions[id][id].shares, l.stake, pool.shares);
        l.commission = pool.commission + cut;
        l.rewardCut = pool.rewardCut;
        l.feeShare = pool.feeShare;
        l.nextRewardCut = pool.nextRewardCut;
        l.nextFeeShare = pool.nextFeeShare;
        l.cutsAt = pool.cutsAt;
        l.active = pool.place != 0;
        if (l.active) l.activeFrom = _active[pool.place - 1].activeFrom;
        l.jailedUntil = pool.jailedUntil;
        l.capabilities = pool.capabilities;
        l.serviceURI = pool.serviceURI;
    }

    /// @notice What a pool is made of: its shares, wei ever per share × 2^96, what is on its way out of it, and what slashes ever
    /// left of delegated stake, in parts of 10^27.
    function poolInfo(address orchestrator)
        external
        view
        returns (uint256 shares, uint256 feePerShare, uint256 exiting, uint256 survival)
    {
        Pool storage pool = _pools[orchestrator];
        exiting = uint256(pool.exits[OWNER].stake) + pool.exits[DELEGATORS].stake;
        return (pool.shares, pool.feePerShare, exiting, _survival(pool));
    }

    /// @notice What the position of `delegator` is worth with the emission it has coming, its shares, and the fees that it may
    /// claim.
    function positionInfo(address orchestrator, address delegator)
        external
        view
        returns (uint256 stake, uint256 shares, uint256 fees)
    {
        Pool storage pool = _pools[orchestrator];
        Position storage position = _positions[orchestrator][delegator];
        (uint256 shared,) = _pending(pool);
        shares = position.shares;
        stake = Shares.worth(shares, pool.stake + shared, pool.shares);
        fees = position.fees + _unclaimed(pool, position);
        if (delegator == orchestrator) fees += pool.ownerFees;
    }

    /// @notice The move by which `delegator` came to `orchestrator` and which was not settled since its end: until `until`, and
    /// until it is settled, `liable` CAST can't leave, and answers for `from`. Zeros if there is none.
    function moveInfo(address orchestrator, address delegator)
        external
        view
        returns (address from, uint256 liable, uint64 until)
    {
        Move storage running = _moves[orchestrator][delegator];
        return (running.from, running.amount, running.until);
    }

    /// @notice All unbondings of `delegator`, by id; those with amount 0 were withdrawn or bonded again.
    function unbondings(address delegator) external view returns (Unbonding[] memory list) {
        list = new Unbonding[](_lockCount[delegator]);
        for (uint256 i = 0; i < list.length; ++i) {
            Lock storage lock = _locks[delegator][i];
            Exit storage exit = _exit(lock.orchestrator, _pools[lock.orchestrator], delegator);
            list[i] = Unbonding(lock.orchestrator, lock.releaseAt, Shares.worth(lock.shares, exit.stake, exit.shares));
        }
    }
}
