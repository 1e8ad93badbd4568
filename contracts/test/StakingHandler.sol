// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {CastToken} from "../src/CastToken.sol";
import {Staking} from "../src/Staking.sol";
import {StakingViews} from "../src/StakingViews.sol";
import {Vm} from "./Fixture.sol";

/// Does random things to Staking as five accounts that may be owners, delegators, or both, and as time and the judge. What a
/// call refuses is passed over.
contract StakingHandler {
    Vm private constant VM = Vm(address(uint160(uint256(keccak256("hevm cheat code")))));
    uint256 public constant ACTORS = 5;

    Staking private immutable _staking;
    StakingViews private immutable _views;
    CastToken private immutable _token;
    address private immutable _judge;

    uint256 public refused; // calls
    uint256 public deposited; // wei
    uint256 public claimed; // wei
    mapping(address delegator => uint256) public locked; // CAST, when it was unbonded or moved back
    mapping(address delegator => uint256) public withdrawn; // CAST

    constructor(Staking staking, CastToken token, address judge) {
        (_staking, _views, _token, _judge) = (staking, StakingViews(address(staking)), token, judge);
    }

    function actor(uint256 seed) public pure returns (address) {
        return address(uint160(0xA1 + (seed % ACTORS)));
    }

    function delegate(uint256 who, uint256 to, uint256 amount) external {
        VM.prank(actor(who));
        try _staking.delegate(actor(to), amount % 50 ether) {}
        catch {
            ++refused;
        }
    }

    function unbond(uint256 who, uint256 from, uint256 amount) external {
        address account = actor(who);
        VM.prank(account);
        try _staking.unbond(actor(from), amount % 3 == 0 ? type(uint256).max : amount % 50 ether) returns (uint256 id) {
            locked[account] += _views.unbondings(account)[id].amount + 1; // shares of the exit round by one at most
        } catch {
            ++refused;
        }
    }

    function rebond(uint256 who, uint256 id) external {
        address account = actor(who);
        uint256 count = _views.unbondings(account).length;
        if (count == 0) return;
        VM.prank(account);
        try _staking.rebond(id % count) {}
        catch {
            ++refused;
        }
    }

    function withdraw(uint256 who, uint256 id) external {
        address account = actor(who);
        uint256 count = _views.unbondings(account).length;
        if (count == 0) return;
        uint256 before = _token.balanceOf(account);
        VM.prank(account);
        try _staking.withdraw(id % count) {
            withdrawn[account] += _token.balanceOf(account) - before;
        } catch {
            ++refused;
        }
    }

    function move(uint256 who, uint256 from, uint256 to, uint256 amount) external {
        VM.prank(actor(who));
        try _staking.move(actor(from), actor(to), amount % 3 == 0 ? type(uint256).max : amount % 50 ether) {}
        catch {
            ++refused;
        }
    }

    function settleMove(uint256 who, uint256 at) external {
        try _staking.settleMove(actor(at), actor(who)) {}
        catch {
            ++refused;
        }
    }

    function joinOrLeave(uint256 who, uint256 victim, bool leave) external {
        VM.prank(actor(who));
        if (leave && victim % 4 == 0) {
            try _staking.leaveSet() {}
            catch {
                ++refused;
            }
        } else {
            try _staking.join(actor(victim)) {}
            catch {
                ++refused;
            }
        }
    }

    function setCuts(uint256 who, uint32 rewardCut, uint32 feeShare) external {
        VM.prank(actor(who));
        try _staking.setCuts(rewardCut % 1_000_001, feeShare % 1_000_001) {}
        catch {
            ++refused;
        }
    }

    function reward(uint256 who) external {
        try _staking.reward(actor(who)) {}
        catch {
            ++refused;
        }
    }

    function depositFees(uint256 to, uint256 amount) external {
        amount %= 10 ether;
        VM.deal(address(this), amount);
        _staking.depositFees{value: amount}(actor(to));
        deposited += amount;
    }

    function claim(uint256 who, uint256 at) external {
        address account = actor(who);
        VM.prank(account);
        claimed += _staking.claimFees(actor(at), payable(account));
        VM.prank(account);
        try _staking.claimCommission(account) {} catch {}
    }

    function slash(uint256 who, uint256 amount) external {
        if (amount % 3 != 0) return; // not all the time
        VM.prank(_judge);
        _staking.slash(actor(who), amount % 100 ether);
    }

    function jail(uint256 who) external {
        uint64 round = (uint64(block.timestamp) - _staking.genesis()) / _staking.roundLength();
        VM.prank(_judge);
        _staking.jail(actor(who), round + 1);
    }

    function wait(uint256 time) external {
        VM.warp(block.timestamp + (time % 2 days));
    }
}
