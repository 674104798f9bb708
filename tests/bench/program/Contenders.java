package io.flinkkubeha.tests.bench;

import org.apache.flink.runtime.highavailability.HighAvailabilityServices;
import org.apache.flink.runtime.leaderelection.LeaderContender;
import org.apache.flink.runtime.leaderelection.LeaderElection;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;

/** A JobManager's contenders: the dispatcher, and a job master for each job. */
final class Contenders implements AutoCloseable {

    private static final long LIMIT_MINUTES = 5;

    private final List<LeaderElection> elections = new ArrayList<>();
    private final List<Contender> contenders = new ArrayList<>();
    private final long begun = System.nanoTime();

    Contenders(HighAvailabilityServices services, int jobs) throws Exception {
        elections.add(services.getDispatcherLeaderElection());
        for (int job = 0; job < jobs; job++) {
            elections.add(services.getJobManagerLeaderElection(Jobs.job(job)));
        }
        for (int i = 0; i < elections.size(); i++) {
            final Contender contender =
                    new Contender(elections.get(i), "pekko.tcp://flink@host:6123/user/rpc/" + i);
            contenders.add(contender);
            elections.get(i).startLeaderElection(contender);
        }
    }

    /** Waits until all lead: when the first was granted, and how long after the start that was. */
    Object led() throws Exception {
        for (Contender contender : contenders) {
            contender.confirmed.get(LIMIT_MINUTES, TimeUnit.MINUTES);
        }
        final Map<String, Object> led = new LinkedHashMap<>();
        led.put("granted", contenders.stream().mapToLong(one -> one.grantedAt).min().orElse(0));
        led.put("grant", (contenders.get(0).grantedNanos - begun) / 1e6);
        led.put("session", contenders.get(0).session.toString());
        return led;
    }

    /** How often any of them was told that it leads no more. */
    int losses() {
        return contenders.stream().mapToInt(one -> one.losses.get()).sum();
    }

    @Override
    public void close() throws Exception {
        for (LeaderElection election : elections) {
            election.close();
        }
    }

    private static final class Contender implements LeaderContender {

        private final LeaderElection election;
        private final String address;
        private final CompletableFuture<Void> confirmed = new CompletableFuture<>();
        private final AtomicInteger losses = new AtomicInteger();
        private volatile long grantedAt;
        private volatile long grantedNanos;
        private volatile UUID session;

        private Contender(LeaderElection election, String address) {
            this.election = election;
            this.address = address;
        }

        @Override
        public void grantLeadership(UUID granted) {
            grantedAt = System.currentTimeMillis();
            grantedNanos = System.nanoTime();
            session = granted;
            election.confirmLeadershipAsync(granted, address)
                    .whenComplete(
                            (ignored, failure) -> {
                                if (failure == null) {
                                    confirmed.complete(null);
                                } else {
                                    confirmed.completeExceptionally(failure);
                                }
                            });
        }

        @Override
        public void revokeLeadership() {
            losses.incrementAndGet();
        }

        @Override
        public void handleError(Exception failure) {
            confirmed.completeExceptionally(failure);
        }
    }
}
